"""Units of measurement, in English and Chinese: what each measures, and how much of it one is."""

from __future__ import annotations

_MEASURES = """
time 1: second seconds sec secs 秒 秒钟
time 60: minute minutes min mins 分钟
time 3600: hour hours hr hrs h 小时 个小时 钟头
time 86400: day days 天 日 个工作日 工作日 个自然日 自然日
time 604800: week weeks 周 星期 个星期 礼拜
months 1: month months 个月 月
months 3: quarter quarters 季度 个季度
months 12: year years 年
money 1: dollar dollars usd $ 美元 美金
euro 1: euro euros eur € 欧元
pound 1: £ gbp 英镑
yuan 1: yuan rmb cny ¥ ￥ 元 块 块钱 人民币 元人民币
yuan 0.1: 角 毛钱
share 1: % percent 个百分点 ％
length 0.000001: µm μm 微米
length 0.0254: inch inches 英寸 寸
length 0.001: mm millimeters millimetres 毫米
length 0.01: cm centimeters centimetres 厘米 公分
length 1: m meter meters metre metres 米 公尺
length 1000: km kilometer kilometers kilometre kilometres 公里 千米
miles 1: mile miles 英里
feet 1: foot feet ft 英尺
mass 0.000001: µg μg mcg 微克
mass 0.001: mg milligram milligrams 毫克
mass 1: g gram grams 克
mass 500: 斤
mass 1000: kg kilogram kilograms kilo kilos 公斤 千克
mass 1000000: t ton tons tonne tonnes 吨
mass 453.6: lb lbs
share-mille 1: ‰
volume 0.001: ml millilitres milliliters 毫升
volume 1: l litre litres liter liters 升
data 1: kb
data 1000: mb
data 1000000: gb
data 1000000000: tb
fahrenheit 1: °f ℉ 华氏度
heat 1: degrees °c ℃ 度 摄氏度
power 1: w watt watts 瓦
power 1000: kw kilowatt kilowatts 千瓦
power 1000000: mw 兆瓦
energy 1: wh 瓦时
energy 1000: kwh 千瓦时 度电
charge 1: mah 毫安时
voltage 1: v volt volts 伏 伏特
frequency 1: hz 赫兹
frequency 1000: khz
frequency 1000000: mhz 兆赫
frequency 1000000000: ghz
pressure 1: kpa 千帕
pressure 100: bar
pressure 6.895: psi
turning 1: nm
speed 1: km/h kph 公里/小时
speed 1.609: mph
area 1: m² 平方米 平米
area 666.7: 亩
area 10000: hectare hectares ha 公顷
area 1000000: km² 平方公里
heat-energy 1: kcal 千卡 大卡
age 1: 岁 周岁
discount 1: 折
area 1: square-metres square-meters
area 1000000: square-kilometres square-kilometers
people 1: people persons employees staff members users customers 人 名员工 位员工 名 位
times 1: times 次 回 倍
rank 1: 世纪
"""
UNITS: dict[str, tuple[str, float]] = {
    name: (head.split()[0], float(head.split()[1]))
    for head, names in (line.split(": ") for line in _MEASURES.strip().splitlines())
    for name in (word.replace("-", " ") for word in names.split())
}
"""Unit -> (what it measures, how much of it)."""
