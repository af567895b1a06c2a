// Time on the page: which snapshots fit into a width, where there are none, and where the ticks of an axis go. Pure.

/** Days between two snapshots, as a rule: the lower median. @param {number[]} days */
function cadence(days) {
  const steps = days.slice(1).map((day, index) => day - days[index]).sort((a, b) => a - b);
  return steps.length ? steps[(steps.length - 1) >> 1] : 1;
}

/** The times without a snapshot, longer than the playlist's own rhythm: first and last day without one.
 * @param {number[]} days @returns {{from: number, to: number}[]} */
function gapsIn(days) {
  const usual = cadence(days) * 1.5;
  return days.slice(1).flatMap((day, index) => (day - days[index] > Math.max(1, usual) ? [{ from: days[index] + 1, to: day - 1 }] : []));
}

const STEPS = [1, 7, 28];
const UNITS = { 1: "day", 7: "week", 28: "four weeks" };

/** The snapshots that stand for the time from `from` to `to` where there is room for so many: each, the last whole one
 * of each week, or of each four weeks; where `better` is given, the last of those it holds for, so that a song's one day in
 * a list is a point. @param {Snapshots} history @param {number} from @param {number} to @param {number} room
 * @param {(index: number) => boolean} [better] @returns {{step: number, picks: number[]}} */
function columnsOf(history, from, to, room, better = () => true) {
  const within = wholeOnes(history).filter((index) => history.days[index] >= from && history.days[index] <= to);
  for (const step of STEPS) {
    const picks = new Map();
    // 1970-01-05 was a Monday: weeks begin there.
    for (const index of within) {
      const bucket = step === 1 ? index : Math.floor((history.days[index] - 4) / step);
      if (better(index) || !picks.has(bucket)) picks.set(bucket, index);
    }
    if (picks.size <= room || step === STEPS[STEPS.length - 1]) return { step, picks: [...picks.values()] };
  }
  return { step: 1, picks: [] };
}

/** Whether a line between two snapshots would cross a time without any. @param {{from: number, to: number}[]} gaps
 * @param {number} before @param {number} after @param {number} step */
const crossesGap = (gaps, before, after, step) => gaps.some((gap) => gap.from > before && gap.to < after && gap.to - gap.from + 1 >= step);

/** Days and their labels for an axis `width` pixels wide: as many as have room, on days a calendar has names for.
 * @param {number} from @param {number} to @param {number} width @returns {{day: number, label: string}[]} */
function ticksFor(from, to, width) {
  const room = Math.max(1, Math.floor(width / 76));
  const span = Math.max(1, to - from);
  const every = [1, 2, 7, 14].find((step) => span / step <= room);
  const ticks = [];
  if (every) {
    const first = every < 7 ? to - Math.floor(span / every) * every : from + ((4 - from) % 7 + 7) % 7;
    for (let day = first; day <= to; day += every) ticks.push({ day, label: dayWords(day, { short: true, year: false }) });
    return spaced(ticks, from, to, width);
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120].find((step) => span / 30.44 / step <= room) ?? 240;
  const start = new Date(from * DAY_MS);
  for (let month = start.getUTCFullYear() * 12 + start.getUTCMonth(); ; month += 1) {
    if (month % months) continue;
    const day = Date.UTC(Math.floor(month / 12), month % 12, 1) / DAY_MS;
    if (day > to) break;
    if (day < from) continue;
    const name = MONTHS[month % 12].slice(0, 3), year = Math.floor(month / 12);
    ticks.push({ day, label: months >= 12 ? String(year) : `${name} ${year}` });
  }
  return spaced(ticks.length ? ticks : [{ day: from, label: dayWords(from, { short: true }) }], from, to, width);
}

/** Ticks that would cover the one before are left out. @param {{day: number, label: string}[]} ticks
 * @param {number} from @param {number} to @param {number} width */
function spaced(ticks, from, to, width) {
  let last = -Infinity;
  return ticks.filter(({ day, label }) => {
    const at = ((day - from) / Math.max(1, to - from)) * width, half = label.length * 3.6 + 4;
    if (at - half < last) return false;
    last = at + half;
    return true;
  });
}
