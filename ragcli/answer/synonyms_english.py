"""Groups of English words and phrases that say the same: one a line, for ragcli.answer.synonyms.

The parts of a phrase are joined by hyphens. A word stands for all its forms, a phrase for itself.
"""

from __future__ import annotations

ENGLISH = """
end terminate expire finish conclude cease
start begin commence launch
buy purchase
pay remit
payment remittance
return give-back send-back take-back hand-back bring-back paid-back pay-back
refund reimburse reimbursement money-back get-the-money-back
repair mend
allow permit authorise authorize let
obligatory mandatory compulsory
need require
must has-to have-to had-to is-required-to are-required-to is-obliged-to are-obliged-to shall needs-to need-to
can may is-able-to are-able-to be-able-to is-allowed-to are-allowed-to is-permitted-to are-permitted-to
    is-free-to are-free-to is-entitled-to are-entitled-to
consent approval permission go-ahead sign-off authorisation authorization
approve sign-off-on endorse
landlord lessor property-owner
tenant lessee renter
flat apartment
premises property
lease tenancy rental-agreement rental-contract
agreement contract
notice notification
notify inform tell alert advise
month-s-notice months-notice
increase rise grow climb gain go-up went-up goes-up gone-up up jump
decrease fall drop decline shrink go-down went-down goes-down gone-down slip dip down
raise lift
lower reduce cut
company firm corporation
employee staff-member worker member-of-staff
staff personnel workforce
boss manager supervisor line-manager
customer client
profit net-income net-profit earnings
revenue sales turnover
yearly a-year-earlier year-on-year year-over-year from-the-previous-year than-the-year-before on-the-year
    annual annually from-a-year-earlier compared-with-a-year-earlier
monthly each-month every-month per-month a-month
weekly each-week every-week per-week a-week once-a-week
daily each-day every-day per-day a-day once-a-day once-daily
repurchase buyback buy-back share-buyback
tablet pill
medicine drug medication
physician doctor gp
dose dosage
avoid stay-away-from keep-away-from refrain-from
skip leave-out left-out omit
forget miss
common frequent usual
adverse-effect side-effect
children kids
child kid
raise-the-level increase-the-level
symptom complaint
pregnant expecting
injure hurt harm
kill slay
film movie
song track
author writer
write pen
picture image photo photograph
big large
small little
quick fast rapid speedy
quickly rapidly
begin-with start-with
about approximately roughly around circa
nearly almost close-to
over more-than above in-excess-of exceeding
under less-than below fewer-than
at-least no-less-than no-fewer-than
at-most no-more-than up-to not-more-than
remove delete erase take-out taken-out took-out
add append introduce
fix resolve correct patch
bug defect flaw
release publish roll-out rolled-out
version edition
default preset
upload send-up
setting option preference
disable switch-off switched-off turn-off turned-off deactivate
enable switch-on switched-on turn-on turned-on activate
replace substitute swap supersede
instead rather
contributor submitter
build construct erect
found establish set-up
locate situate
tall high
wide broad
long-term long-run
score net
beat defeat overcome see-off saw-off
win victory triumph
lead take-the-lead took-the-lead taken-the-lead go-ahead-in went-ahead go-in-front went-in-front
equalise equalize draw-level drew-level level-the-score
spectator fan attendee viewer onlooker
crowd attendance
bottom last-place foot-of-the-table
match game fixture
coach head-coach
keep retain store hold
fridge refrigerator
oven stove
mix combine blend stir
heat warm-up preheat
pour drizzle
bake cook-in-the-oven
airtight sealed
tin container
depart leave set-off sets-off head-off
arrive get-in gets-in reach
train rail-service
bus coach-service
luggage baggage
ticket fare
traveller traveler passenger
run operate
cancel call-off called-off scrap
postpone delay put-off defer push-back pushed-back
bring-forward advance
meet gather convene
attend take-part-in took-part-in takes-part-in participate-in join
vote ballot
choose pick select opt-for
elect vote-in
appoint name nominate
resign step-down stepped-down quit
succeed take-over-from took-over-from
dismiss sack fire
hire recruit take-on
teach instruct
pupil student schoolchild
study research investigation
show demonstrate reveal indicate find
suggest imply
cause bring-about brought-about lead-to led-to leads-to result-in resulted-in trigger
because owing-to due-to on-account-of as-a-result-of thanks-to
therefore thus hence
help assist aid
try attempt
use utilise utilize
get receive obtain
give provide supply grant offer
send dispatch ship mail forward
contain include comprise
consist made-up-of make-up-of composed-of
own possess
belong part-of
cost price charge fee
free free-of-charge at-no-cost no-charge without-charge for-free costs-nothing
cheap inexpensive
expensive dear costly
rich wealthy
poor needy
whole entire full
each every
also too as-well
but however yet
before prior-to ahead-of
after following
during throughout
percent per-cent
within inside
twice two-times
once one-time
house home dwelling
car automobile vehicle
road street
city town
country nation
law statute
court tribunal
breach violate infringe
document paper
write-down record note-down
save store-away
check verify inspect examine
error fault mistake
warn caution
error-message error-text
difficult hard tough
easy simple straightforward
important significant crucial
main chief principal primary
many numerous
speed velocity
weight mass
size dimension
shut closed close
without-power without-electricity lost-power loses-power lost-electricity
working-day business-day workday weekday
holiday vacation
ill sick unwell
illness sickness disease
die pass-away passed-away
born birth
marry wed
pet animal
forbid prohibit ban bar
unlawful illegal
secret confidential
password passcode
lecture talk presentation
say state declare announce
ask request
answer reply respond
confirm acknowledge
reject turn-down turned-down vote-down voted-down
accept agree-to
happen occur take-place took-place takes-place held
discover find-out found-out
create make produce
destroy wreck ruin
protect safeguard shield
rely depend
normal fair ordinary
make-up compensate
minus net-of subtract deduct
photography taking-pictures taking-photos taking-photographs
laboratory lab
world globe
register sign-in check-in
staffed manned
empty vacate
wash rinse
dirty soiled
purpose aim goal
target objective
area region
border frontier
journey trip voyage
sea ocean
woods forest
stone rock
money cash
salary wage
debt liability
invoice bill
receipt proof-of-purchase
parcel package
supplier vendor
manufacturer maker producer
colleague co-worker
meeting session
chairman chair chairperson
deputy stand-in
founder creator
owner proprietor
king monarch
ruler sovereign
soldier troops
treaty pact
village hamlet
inhabitant resident
battery-life running-time
phone telephone
mobile-phone cell-phone cellphone smartphone
email e-mail
website web-page webpage
folder directory
log-in login
user-name username
backup back-up
connect link-up
available accessible on-offer
responsible in-charge
accompany escort
injury wound
nurse carer
heart-attack cardiac-arrest
baby infant newborn
elderly old-people senior-citizens seniors
woman lady
man gentleman
husband spouse
food nourishment
meal dish
drink beverage
supper dinner evening-meal
vegetarian meat-free
sweet sugary
raw uncooked
slowly gradually
often frequently regularly
rarely seldom hardly-ever
sometimes occasionally
always at-all-times invariably
mostly mainly chiefly primarily predominantly largely
exactly precisely
only solely exclusively merely
completely totally entirely fully wholly
together jointly
separately individually
immediately at-once straight-away right-away instantly
later afterwards subsequently
previously formerly
currently at-present at-the-moment nowadays
originally initially at-first
finally eventually in-the-end
share-out distribute
split divide
compare contrast
estimate reckon
calculate compute
measure gauge
mark label
sign signature
describe portray depict
explain clarify
print-out print
hide conceal
search look-for seek
lose mislay
hurry rush
wait await
stay remain
live reside dwell
move relocate
visit call-at stop-by
"""
