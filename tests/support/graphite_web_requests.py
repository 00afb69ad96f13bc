"""What two Graphites are asked over the tree of :mod:`support.graphite_web_tree`, and should answer alike."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

Request = tuple[str, list[tuple[str, str]]]
"""A path and its parameters."""

AGGREGATIONS = (
    "average", "avg", "avg_zero", "median", "sum", "total", "min", "max", "diff",
    "stddev", "count", "range", "rangeOf", "multiply", "last", "current",
)  # fmt: skip
SINGLES = (
    "edge.gaps",
    "counter.resets",
    "steps.s7",
    "edge.half",
    "edge.sparse",
    "edge.huge",
    "edge.empty",
    "edge.tiny",
)
LISTS = (
    "servers.*.load",
    "steps.*",
    "edge.{gaps,half,sparse,empty,const42,single}",
    "methods.*",
    "dc.*.*.disk.*",
)


def _listed(text: str, between: str | None = None) -> list[str]:
    return [one for one in text.split(between) if one]


# One series in, one out; * stands for the metric.
TRANSFORMS = _listed("""
scale(*,2) scale(*,'2.5') scale(*,-1e-3) scale(*,true) offset(*,-3.5) offset(*,1234567) add(*,2.7) absolute(*) invert(*)
pow(*,2) pow(*,0.5) pow(*,3.3) squareRoot(*) log(*) log(*,2) log(*,2.5) round(*) round(*,1) round(*,-1)
round(*,precision=2) scaleToSeconds(*,1) scaleToSeconds(*,3600) derivative(*) nonNegativeDerivative(*) perSecond(*)
integral(*) delay(*,3) delay(*,-3) delay(*,100) keepLastValue(*) keepLastValue(*,1) keepLastValue(*,inf)
keepLastValue(*,limit=3) transformNull(*) transformNull(*,-1.5) transformNull(*,default=2) isNonNull(*) changed(*)
nPercentile(*,50) nPercentile(*,99.9) removeAbovePercentile(*,50) removeBelowPercentile(*,50) removeAboveValue(*,5)
removeBelowValue(*,5) summarize(*,'5min') summarize(*,'7min','max') summarize(*,'10min','last',true)
summarize(*,'45s','max') summarize(*,'1d') summarize(*,'5minutes','max','true')
summarize(*,intervalString='5min',func='min')
smartSummarize(*,'7min','avg') smartSummarize(*,'10min','max','hours') smartSummarize(*,'1h','sum','weeks3')
smartSummarize(*,'1d','sum','months') smartSummarize(*,'5min','sum',true) hitcount(*,'7min') hitcount(*,'45s')
hitcount(*,'1h',true) hitcount(*,'1d',true) timeShift(*,'1h') timeShift(*,'+10min') timeShift(*,'1d',false)
timeShift(*,'1d',true,true) timeShift(*,'40d') consolidateBy(*,'sum') consolidateBy(*,'first') cumulative(*)
setXFilesFactor(*,0.5) substr(*,1) substr(*,0,1) substr(*,-2,-1) alias(*,'x') aliasSub(*,'(\\w+)\\.(\\w+)','\\2/\\1')
aliasByNode(*,1,0) aliasByNode(*,-1) aliasByNode(*,'name',7) aliasByMetric(scale(*,2)) aliasByTags(*,'name',0)
asPercent(*) asPercent(*,100) asPercent(*,edge.const42) asPercent(*,0) divideSeries(*,edge.const42)
divideSeries(*,edge.zero) divideSeries(*,nothing.at) fallbackSeries(*,constantLine(1)) limit(*,1)
removeEmptySeries(*,0.5)
countSeries(*) multiplySeries(*) sumSeries(*) alpha(*,0.5) dashed(*) drawAsInfinite(*) secondYAxis(*) stacked(*)
stacked(*,'s') constantLine(5) constantLine(1e20) threshold(90.5,'t') consolidateBy(*,'max')|summarize('2min','max')
""")

# Where the window that is read is not the one that is shown.
MOVING = _listed("""
movingAverage(*,5) movingAverage(*,'5min') movingAverage(*,1) movingAverage(*,5.5)
movingAverage(*,'5min',xFilesFactor=0.7)
movingMedian(*,4) movingSum(*,3) movingMin(*,'4min') movingMax(*,4) movingWindow(*,3) movingWindow(*,'3min','max')
movingWindow(*,5,'stddev',0.4) movingWindow(*,5,'count') movingWindow(*,5,'diff') movingWindow(*,5,'multiply')
movingWindow(*,5,'rangeOf') movingWindow(*,5,'current') movingWindow(*,5,'avg_zero')
""")

# Lists in.
COMBINATIONS = _listed("""
sumSeries(*) avg(*) minSeries(*) maxSeries(*) diffSeries(*) multiplySeries(*) rangeOfSeries(*) stddevSeries(*)
countSeries(*) percentileOfSeries(*,50) percentileOfSeries(*,33.3,interpolate=true) aggregate(*,'sum',0.5)
aggregate(*,'median',xFilesFactor=1) aggregate(*,'sumSeries') sumSeries(aggregate(*,'sum',0.9),edge.gaps) group(*,*)
unique(*,*) highest(*,2) highest(*,2,'max') highest(*,-1) highestCurrent(*,2) highestMax(*,3) highestAverage(*,2)
lowest(*,2,'min') lowestCurrent(*,2) lowestAverage(*,2) mostDeviant(*,3) limit(*,3) limit(*,-2) sortBy(*)
sortBy(*,'max',true) sortByName(*,true) sortByName(*,natural=true,reverse=true) sortByTotal(*) sortByMaxima(*)
sortByMinima(*) averageAbove(*,10) averageBelow(*,10) currentAbove(*,42) currentBelow(*,42) maximumAbove(*,42)
maximumBelow(*,42) minimumAbove(*,5) minimumBelow(*,5) filterSeries(*,'max','>=',42) filterSeries(*,'last','!=',42)
filterSeries(*,'count','=',30) exclude(*,'load') grep(*,'(?i)WEB|a') removeEmptySeries(*) asPercent(*) asPercent(*,*)
asPercent(*,None,1) asPercent(*,*,0) divideSeries(*,edge.const42) groupByNode(*,1) groupByNode(*,0,'sumSeries')
groupByNode(*,5,'avg') groupByNode(*,1,'countSeries') groupByNode(*,'name','max') groupByNode(*,0,'integral')
groupByNodes(*,'sum',0,1) groupByNodes(*,'max',1,-1) groupByNodes(*,'avg') sumSeriesWithWildcards(*,1)
averageSeriesWithWildcards(*,1,2) multiplySeriesWithWildcards(*,1) aggregateWithWildcards(*,'count',0,1) stacked(*)
sumSeries(timeShift(*,'1h'),*) sumSeries(edge.gaps,setXFilesFactor(*,0.9)) averageSeries(xFilesFactor(*,0.9))
summarize(setXFilesFactor(*,0.7),'7min','max') summarize(sumSeries(*),'5min','avg') hitcount(*,'10min')
smartSummarize(*,'10min','max','hours') divideSeries(sumSeries(*),countSeries(*)) aliasByNode(sumSeries(*),1)
sumSeries(consolidateBy(*,'max')) transformNull(edge.gaps,0,*)
""")

TARGETS = _listed(
    r"""
 servers.web01.load
scale( edge.gaps , 2 )
scale (edge.gaps,2)
edge.gaps | scale(2)|alias('q')
scale(edge.gaps|offset(1),2)
servers.*.load|sumSeries()|summarize('5min')|alias('q')
edge.gaps|asPercent(edge.const42)
scale(edge.gaps,1E3)
scale(edge.gaps,-1.5e-2)
scale(edge.gaps,007)
scale(edge.gaps,' 3 ')
scale(edge.gaps,inf)
scale(edge.gaps,99999999999999999999)
offset(edge.gaps,123456789)
limit(servers.*.load,'2')
groupByNode(servers.*.load,1,callback='max')
sortByName(servers.*.load,TRUE)
alias(edge.gaps,"it's")
alias(edge.gaps,'it\'s')
alias(edge.gaps,"say \"x\"")
alias(edge.gaps,'a''b')
alias(edge.gaps,'a\\b')
alias(edge.gaps,'')
alias(edge.gaps,'a(b,c)d|{e}$f %s')
alias(edge.gaps,newName='ünï ☃')
aliasSub(edge.gaps,'(?P<h>e\w+)','<\g<h>>')
aliasSub(edge.gaps,'x*','-')
aliasSub(edge.gaps,'(nosuch)?gaps','\1X')
aliasSub(edge.gaps,'(^.*$)','\1 A')
servers.{web01,web02,none}.load
servers.web0{1,2}.load
servers.{web,db}*.load
servers.web0[1-2].load
servers.web0[!1].load
servers.web0?.{load,cpu}
servers.*.cpu.*
servers.**.user
**.load
servers.{web01,web01}.load
servers.[web01.load
servers.web01
both.*
both.node
both.node.*
top
deep.*.*.*.*.*.*.*.*
nothing.*
true.count
123.count
sumSeries(123.count,odd.007,odd.-5,odd.1e3)
scale(odd.c=d,2)
odd.plus+x
odd.{a-b,c=d,p%41}
odd.br[1]
odd.br*
odd.cu\{x\}
odd.pa\(1\)
scale(odd.com\,ma,2)
odd.quo\'te
odd.c\=d
odd.[A-Z]*
aliasByNode(alias(edge.gaps,'a b.c'),1)
aliasByNode(alias(scale(edge.gaps,2),'x.y (5 min)'),1)
aliasByNode(asPercent(edge.gaps,edge.const42),1)
aliasByNode(scale(scale(edge.gaps,2),3),-1)
template(servers.$h.load,h='web01')
template(servers.$1.$2,'web01','load')
template(scale(servers.$h.load,$f),h='web01',f=2)
template(scale(edge.gaps,$f),f='-2')
template(scale(edge.$x,2)|offset(1),x='gaps')
template( servers.$h.load , h = 'web01' )
template(servers.{$1,$2}.load,'web01','db1')
scale(template(edge.$x,x='gaps'),2)
template(servers.$h.load)
sumSeries(edge.gaps,edge.gaps)
sumSeries(nothing,edge.gaps)
sumSeries(nothing)
divideSeries(nothing,edge.gaps)
countSeries()
group()
fallbackSeries(nothing,nothing)
""",
    "\n",
)

TIMES = _listed("""
-1h -90s -2hours -1h30min now-1h midnight noon_yesterday noonyesterday teatime_yesterday yesterday today 6am 10:30
10:30am
9:30pm_yesterday 21:30_yesterday 1:5 8am+1h noon-90min today+8h 6pm_yesterday+1h 06:00_20240610 20240610 06/09/24
6/9/2024 10:00_06/10/24 jun10 june9 8am_jun10 monday sun friday noon_friday tomorrow-1d 1718017200 1718000000 MIDNIGHT
-10Minutes -1,h mar5 dec31 today-1h 6am_monday sat+6h 11pm_sunday -23h -24h -25h -6d -7d -8d -29d -31d -61s -1s
""")

PATTERNS = _listed("""
* *.* servers servers.* servers.web01.* servers.*.cpu servers.{web01,db1}.load servers.web0? servers.web0[12]
servers.[wd]*.load both.* both.node both.node.* top deep.** ** **.load servers.**.user nothing.* odd.* odd.br*
odd.p%2541
odd.c=d odd.pa(1) {servers,edge}.* {servers,edge} edge.{gaps,ha*} edge.g[ab]ps [se]* ?op servers.web01.load
servers..load
*.count 1* servers.{web01,}.load servers.web{01,02}.{load,cpu} dc.{ams,fra}.h[12].disk.used odd.am&p servers.[!w]*
edge.*a*
""")


def rendered(target: str, **parameters: str) -> Request:
    """A request to ``/render``."""
    return "/render", [("target", target), *parameters.items()]


def sample(what: Sequence[str], metrics: Sequence[str], each: int) -> Iterator[str]:
    """Each of *what* over *each* of *metrics*, chosen by the same luck every time."""
    luck = random.Random(7)
    for one in what:
        for metric in luck.sample(metrics, min(each, len(metrics))):
            yield one.replace("*", metric) if "*" in one else one
