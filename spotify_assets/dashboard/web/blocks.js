// The page's data: compressed blocks in the document, and how a playlist's history is read from one. The mirror of
// `report.py` and `encoding.py`.

/** @typedef {{id: string, name: string, label: string, owner: string, snapshots: number, whole: number, size: number,
 *   first_on: string, last_on: string, entered: number, left: number, spans: [number, number][]}} Playlist */
/** @typedef {{first_on: string | null, last_on: string | null, days: number, opening: string | null, playlists: Playlist[],
 *   counts: {playlists: number, songs: number, artists: number}, thinned: {days: number | null, depth: number | null}, songs: number}} Index */
/** Songs by number. `kinds` are of entries that are no plain track; `recording` is the group of songs with one ISRC.
 * @typedef {{ids: string[], names: string[], credits: number[][], released: number[], kinds: Record<number, number>,
 *   recordings: number[][], recording: Map<number, number>, artistIds: string[], artistNames: string[],
 *   numberOf: Map<string, number>, artistNumberOf: Map<string, number>}} Songs */
/** A playlist's snapshots, oldest first. `partial` holds Spotify's total of those that were not read whole.
 * @typedef {{days: number[], partial: Record<number, number>, lists: Int32Array[], counts: Record<string, number[]>}} Snapshots */

const KIND = { song: 0, local: 1, other: 2, missing: 3, unread: 4 };
const COUNTS = ["dated", "under_30_days", "under_90_days", "under_365_days", "local_files", "missing", "others", "withdrawn"];

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
function fromBase64(text) {
  const native = /** @type {any} */ (Uint8Array).fromBase64;
  if (native) return native.call(Uint8Array, text); // browsers since 2025
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return bytes;
}

/** The bytes of a block: base64 of gzip, or of a zlib stream ("deflate").
 * @param {string} text @param {CompressionFormat} format @returns {Promise<Uint8Array>} */
async function inflate(text, format = "gzip") {
  const stream = new Blob([fromBase64(text)]).stream().pipeThrough(new DecompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const utf8 = new TextDecoder();

/** @param {string} text @returns {Promise<any>} */
const unpack = async (text) => JSON.parse(utf8.decode(await inflate(text)));

/** @param {number[]} steps */
function unstep(steps) {
  let value = 0;
  return steps.map((step) => { value += step; return value; });
}

/** The songs of all stretches of time; a song or an artist told again is as it was told last.
 * @param {any[]} stretches @param {number[][]} recordings @returns {Songs} */
function readSongs(stretches, recordings) {
  const split = (/** @type {string} */ text, /** @type {number} */ length) => (length ? text.split(" ") : []);
  /** @type {Songs} */
  const songs = { ids: [], names: [], credits: [], released: [], kinds: {}, recordings, recording: new Map(), artistIds: [], artistNames: [], numberOf: new Map(), artistNumberOf: new Map() };
  for (const told of stretches) {
    for (const id of split(told.artist_ids, told.artist_names.length)) songs.artistNumberOf.set(id, songs.artistIds.push(id) - 1);
    for (const name of told.artist_names) songs.artistNames.push(name);
    for (const [artist, name] of Object.entries(told.renamed)) songs.artistNames[Number(artist)] = /** @type {string} */ (name);
    const base = songs.ids.length, ids = split(told.ids, told.names.length - told.again.length);
    for (const id of ids) songs.numberOf.set(id, songs.ids.push(id) - 1);
    told.names.forEach((/** @type {string} */ name, /** @type {number} */ row) => {
      const song = row < ids.length ? base + row : told.again[row - ids.length];
      songs.names[song] = name;
      songs.credits[song] = told.credits[row];
      songs.released[song] = told.released[row];
      if (row in told.kinds) songs.kinds[song] = told.kinds[row];
      else delete songs.kinds[song];
    });
  }
  recordings.forEach((group, index) => group.forEach((song) => songs.recording.set(song, index)));
  return songs;
}

/** Popularity by song, for each of the days; -1 where there is none.
 * @param {{days: string[], points: number[][]}} raw @returns {{days: string[], songs: Record<number, number[]>}} */
function readPopularity({ days, points }) {
  /** @type {Record<number, number[]>} */
  const songs = {};
  points.forEach((steps, day) => {
    let song = 0;
    for (let at = 0; at < steps.length; at += 2) {
      song += steps[at];
      (songs[song] ??= Array.from(days, () => -1))[day] = steps[at + 1];
    }
  });
  return { days, songs };
}

/** The history of a playlist: stretches of snapshots, each going on where the one before ended.
 * @param {string} text @returns {Promise<Snapshots>} */
async function readHistory(text) {
  const bytes = await inflate(text, "deflate");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const part = () => {
    const length = view.getUint32(at, true);
    at += 4 + length;
    return bytes.subarray(at - length, at);
  };
  /** @type {Snapshots} */
  const history = { days: [], partial: {}, lists: [], counts: Object.fromEntries(COUNTS.map((name) => [name, []])) };
  let before = new Int32Array(0), expected = 0;
  while (at < bytes.length) {
    const [days, partial, ...counts] = JSON.parse(utf8.decode(part()));
    const operations = reader(part()), news = reader(part()), base = history.days.length;
    history.days.push(...unstep(days));
    for (const [place, total] of Object.entries(partial)) history.partial[base + Number(place)] = total;
    COUNTS.forEach((name, column) => history.counts[name].push(...unstep(counts[column])));
    for (let index = 0; index < days.length; index += 1) {
      const gone = operations() - 1;
      if (gone >= 0) {
        const stays = without(before, gone, operations);
        const now = new Int32Array(operations());
        let head = 0, end = stays.length;
        for (let place = 0; place < now.length; place += 1) {
          const symbol = operations();
          if (symbol === 1) {
            const step = news();
            expected += step % 2 ? -(step + 1) / 2 : step / 2;
            now[place] = expected;
            expected += 1;
          } else if (symbol === 0) {
            now[place] = stays[head];
            head += 1;
          } else {
            now[place] = stays[head + symbol - 1];
            stays.copyWithin(head + symbol - 1, head + symbol, end);
            end -= 1;
          }
        }
        before = now;
      }
      history.lists.push(before);
    }
  }
  return history;
}

/** Reads one varint after the other.
 * @param {Uint8Array} bytes */
function reader(bytes) {
  let at = 0;
  return () => {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[at];
      at += 1;
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  };
}

/** The list without `gone` of its entries, whose indexes come as steps.
 * @param {Int32Array} list @param {number} gone @param {() => number} next */
function without(list, gone, next) {
  const stays = new Int32Array(list.length - gone);
  let from = 0, to = 0, index = 0;
  for (let done = 0; done < gone; done += 1) {
    index += next();
    stays.set(list.subarray(from, index), to);
    to += index - from;
    from = index + 1;
  }
  stays.set(list.subarray(from), to);
  return stays;
}
