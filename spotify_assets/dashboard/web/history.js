// What a playlist's snapshots mean. Pure functions; the same words as the marts: only whole snapshots are compared, a
// day without one is neither presence nor absence, and an entry is a song and its how-many-th place in the list.

/** Whether the snapshot was read whole. @param {Snapshots} history @param {number} index */
const isWhole = (history, index) => !(index in history.partial);

/** Indexes of the whole snapshots. @param {Snapshots} history @returns {number[]} */
const wholeOnes = (history) => remembered(history, "whole", () => history.days.map((_, index) => index).filter((index) => isWhole(history, index)));

/** Index of the whole snapshot before, -1 when there is none. @param {Snapshots} history @param {number} index */
function wholeBefore(history, index) {
  let at = index - 1;
  while (at >= 0 && !isWhole(history, at)) at -= 1;
  return at;
}

/** Whether the entry is a song, which the marts count; an episode or a removed entry is none.
 * @param {Songs} songs @param {number} song */
const isSong = (songs, song) => (songs.kinds[song] ?? 0) <= KIND.local;

const memory = new WeakMap();

/** What `make` gives, made once per history. @template T @param {object} history @param {string} name @param {() => T} make @returns {T} */
function remembered(history, name, make) {
  if (!memory.has(history)) memory.set(history, new Map());
  const known = memory.get(history);
  if (!known.has(name)) known.set(name, make());
  return known.get(name);
}

/** Places of each song in a list, 0-based, in order. @param {Int32Array} list @param {Songs} songs @returns {Map<number, number[]>} */
function placesIn(list, songs) {
  const places = new Map();
  list.forEach((song, place) => {
    if (!isSong(songs, song)) return;
    const known = places.get(song);
    if (known) known.push(place);
    else places.set(song, [place]);
  });
  return places;
}

/** What changed between a snapshot and the whole one before; null when either is not whole or there is none.
 * Ranks count from 1; moves are [song, rank before, rank now], the farthest first.
 * @param {Snapshots} history @param {Songs} songs @param {number} index
 * @returns {{since: number, entered: [number, number][], left: [number, number][], moved: [number, number, number][]} | null} */
function changesAt(history, songs, index) {
  const before = wholeBefore(history, index);
  if (!isWhole(history, index) || before < 0) return null;
  const old = placesIn(history.lists[before], songs), now = placesIn(history.lists[index], songs);
  /** @type {[number, number][]} */
  const entered = [], /** @type {[number, number][]} */ left = [], /** @type {[number, number, number][]} */ moved = [];
  for (const [song, places] of now) {
    const earlier = old.get(song) ?? [];
    places.forEach((place, occurrence) => {
      if (occurrence >= earlier.length) entered.push([song, place + 1]);
      else if (earlier[occurrence] !== place) moved.push([song, earlier[occurrence] + 1, place + 1]);
    });
  }
  for (const [song, places] of old) {
    const later = now.get(song)?.length ?? 0;
    places.slice(later).forEach((place) => left.push([song, place + 1]));
  }
  const byRank = (/** @type {[number, number]} */ a, /** @type {[number, number]} */ b) => a[1] - b[1];
  return {
    since: before, entered: entered.sort(byRank), left: left.sort(byRank),
    moved: moved.sort((a, b) => Math.abs(b[1] - b[2]) - Math.abs(a[1] - a[2]) || a[2] - b[2]),
  };
}

/** How many entered and left with each snapshot; null where that can't be said.
 * @param {Snapshots} history @param {Songs} songs @returns {({entered: number, left: number} | null)[]} */
function turnover(history, songs) {
  return remembered(history, "turnover", () => {
    const held = new Int32Array(songs.names.length);
    return history.days.map((_, index) => {
      const before = wholeBefore(history, index);
      if (!isWhole(history, index) || before < 0) return null;
      let entered = 0, left = 0;
      for (const song of history.lists[before]) if (isSong(songs, song)) held[song] += 1;
      for (const song of history.lists[index]) if (isSong(songs, song)) { if (held[song] > 0) held[song] -= 1; else entered += 1; }
      for (const song of history.lists[before]) { left += held[song]; held[song] = 0; }
      return { entered, left };
    });
  });
}

/** @typedef {{song: number, first: number, last: number, present: number, longest: number, longestFrom: number, longestTo: number,
 *   best: number, returns: number, isPresent: boolean}} Stay */

/** How long each song stood in the list: days of the first and last snapshot, snapshots it was in, the longest run of
 * them and its days, the best rank (from 1), how often it came back. @param {Snapshots} history @param {Songs} songs @returns {Map<number, Stay>} */
function stays(history, songs) {
  return remembered(history, "stays", () => {
    /** @type {Map<number, Stay & {run: number, runFrom: number, seen: number}>} */
    const known = new Map();
    const whole = wholeOnes(history);
    whole.forEach((index, turn) => {
      const day = history.days[index];
      history.lists[index].forEach((song, place) => {
        if (!isSong(songs, song)) return;
        let stay = known.get(song);
        if (!stay) {
          stay = { song, first: day, last: day, present: 0, longest: 0, longestFrom: day, longestTo: day, best: place + 1, returns: 0, isPresent: false, run: 0, runFrom: day, seen: turn - 1 };
          known.set(song, stay);
        }
        if (stay.best > place + 1) stay.best = place + 1;
        if (stay.seen === turn) return;
        if (stay.seen < turn - 1) { stay.returns += 1; stay.run = 0; stay.runFrom = day; }
        stay.run += 1;
        stay.present += 1;
        stay.last = day;
        stay.seen = turn;
        if (stay.run > stay.longest) { stay.longest = stay.run; stay.longestFrom = stay.runFrom; stay.longestTo = day; }
      });
    });
    for (const stay of known.values()) stay.isPresent = stay.seen === whole.length - 1;
    return known;
  });
}

/** Days until half of a list's songs had gone, the median over up to 40 starting days, and the longest time looked at;
 * `days` is null when fewer than half of the starts got so far. @param {Snapshots} history @param {Songs} songs */
function halfLife(history, songs) {
  return remembered(history, "half-life", () => {
    const whole = wholeOnes(history);
    const every = Math.max(1, Math.ceil(whole.length / 40));
    const times = [];
    for (let start = 0; start < whole.length - 1; start += every) {
      const songsThen = new Set([...history.lists[whole[start]]].filter((song) => isSong(songs, song)));
      if (!songsThen.size) continue;
      let time = Infinity;
      for (let later = start + 1; later < whole.length; later += 1) {
        const still = new Set(history.lists[whole[later]].filter((song) => songsThen.has(song))).size;
        if (still * 2 <= songsThen.size) { time = history.days[whole[later]] - history.days[whole[start]]; break; }
      }
      times.push(time);
    }
    times.sort((a, b) => a - b);
    const middle = times[Math.floor((times.length - 1) / 2)];
    const watched = whole.length ? history.days[whole[whole.length - 1]] - history.days[whole[0]] : 0;
    return { days: middle === undefined || middle === Infinity ? null : middle, watched };
  });
}

/** The songs that stand more than once, and those that are one recording under several ids.
 * @param {Int32Array} list @param {Songs} songs */
function duplicatesIn(list, songs) {
  const places = placesIn(list, songs);
  const same = [...places].filter(([, where]) => where.length > 1).map(([song, where]) => ({ songs: [song], places: where.map((place) => place + 1) }));
  /** @type {Map<number, number[]>} */
  const groups = new Map();
  for (const song of places.keys()) {
    const group = songs.recording.get(song);
    if (group !== undefined) groups.set(group, [...groups.get(group) ?? [], song]);
  }
  const recordings = [...groups.values()].filter((group) => group.length > 1)
    .map((group) => ({ songs: group, places: group.flatMap((song) => (places.get(song) ?? []).map((place) => place + 1)).sort((a, b) => a - b) }));
  return { same, recordings };
}

/** Entries that credit each artist. @param {Int32Array} list @param {Songs} songs @returns {Map<number, number>} */
function artistSlots(list, songs) {
  const slots = new Map();
  for (const song of list) for (const artist of songs.credits[song]) slots.set(artist, (slots.get(artist) ?? 0) + 1);
  return slots;
}

/** Rank of a song in each snapshot (from 1), null where it is not. @param {Snapshots} history @param {number} song @returns {(number | null)[]} */
const ranksOf = (history, song) => history.lists.map((list) => { const place = list.indexOf(song); return place < 0 ? null : place + 1; });

/** Release years of a list's songs, how many have none, and the median age in years on the day.
 * @param {Int32Array} list @param {Songs} songs @param {number} day */
function releaseYears(list, songs, day) {
  /** @type {Map<number, number>} */
  const years = new Map();
  let unknown = 0;
  const ages = new Map();
  for (const song of list) {
    if (!isSong(songs, song)) continue;
    const released = songs.released[song];
    if (!released) { unknown += 1; continue; }
    const year = new Date(released * DAY_MS).getUTCFullYear();
    years.set(year, (years.get(year) ?? 0) + 1);
    ages.set(song, (day - released) / 365.25);
  }
  const sorted = [...ages.values()].sort((a, b) => a - b), half = sorted.length >> 1;
  const median = !sorted.length ? null : sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { years: [...years].sort((a, b) => a[0] - b[0]), unknown, median };
}
