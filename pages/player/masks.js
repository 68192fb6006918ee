// Label maps out of a result's packed file (vos/video/masks.py), a few kilobytes at a time by Range.

const HEADER = 16, FOOTER = 20;
const AHEAD_BYTES = 1 << 19, AHEAD_FRAMES = 64, KEPT_BYTES = 24 << 20, KEPT_MAPS = 12, FINISHED = 8;

async function fetchRange(url, range) {
  const answer = await fetch(url, { headers: { Range: `bytes=${range}` } });
  if (answer.status !== 206) throw new Error(`the masks cannot be read (${answer.status})`);
  return { bytes: new Uint8Array(await answer.arrayBuffer()), of: +answer.headers.get("Content-Range").split("/")[1] };
}

class MaskFile {
  // Compressed masks are kept up to KEPT_BYTES, label maps up to KEPT_MAPS: memory does not grow with the clip.
  constructor(url, finishedUrl) {
    this.url = url;
    this.finishedUrl = finishedUrl;  // answers with masks that have finishing touches, a few frames at a time
    this.finish = "";                // the touches as a query; empty for the masks as they are
    this.forget();
  }

  forget() {
    this.packed = new Map();   // frame -> Uint8Array
    this.packedBytes = 0;
    this.maps = new Map();     // frame -> Promise of a label map
    this.pending = new Map();  // first frame of a request -> Promise
  }

  async open() {
    const { bytes: foot, of: size } = await fetchRange(this.url, -FOOTER);
    const count = Number(new DataView(foot.buffer).getBigUint64(0, true));
    const start = size - FOOTER - 8 * (count + 1);
    const { bytes: head } = await fetchRange(this.url, `0-${HEADER - 1}`);
    const view = new DataView(head.buffer);
    this.height = view.getUint32(8, true);
    this.width = view.getUint32(12, true);
    const { bytes: table } = await fetchRange(this.url, `${start}-${size - FOOTER - 1}`);
    this.offsets = Float64Array.from(new BigUint64Array(table.buffer), Number);
    this.count = count;
    return this;
  }

  map(frame) {
    // A promise of {labels: Uint8Array of width * height, top, bottom: the rows that have anything}.
    if (!this.maps.has(frame)) {
      this.maps.set(frame, this.read(frame).catch((error) => { this.maps.delete(frame); throw error; }));
      while (this.maps.size > KEPT_MAPS) this.maps.delete(this.maps.keys().next().value);
    }
    return this.maps.get(frame);
  }

  async read(frame) {
    if (!this.packed.has(frame)) await this.fetchFrom(frame);
    if (!this.packed.has(frame)) return this.read(frame);
    const stream = new Blob([this.packed.get(frame)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return this.unpack(new Uint8Array(await new Response(stream).arrayBuffer()));
  }

  async fetchFrom(frame) {
    let end = frame + 1;
    while (end < this.count && end - frame < AHEAD_FRAMES && this.offsets[end + 1] - this.offsets[frame] < AHEAD_BYTES) end++;
    if (!this.pending.has(frame)) {
      this.pending.set(frame, this.keep(frame, end).finally(() => this.pending.delete(frame)));
    }
    await this.pending.get(frame);
  }

  setFinish(query) {
    if (query === this.finish) return false;
    this.finish = query;
    this.forget();
    return true;
  }

  async asTheyAre(first, end) {
    const start = this.offsets[first];
    const { bytes } = await fetchRange(this.url, `${start}-${this.offsets[end] - 1}`);
    return (frame) => bytes.slice(this.offsets[frame] - start, this.offsets[frame + 1] - start);
  }

  async finished(first, end) {
    const answer = await fetch(`${this.finishedUrl}?first=${first}&count=${end - first}&${this.finish}`);
    if (!answer.ok) throw new Error(`the masks cannot be read (${answer.status})`);
    const buffer = await answer.arrayBuffer(), view = new DataView(buffer), starts = [];
    for (let at = 0; at < buffer.byteLength; at += 4 + view.getUint32(at, true)) starts.push(at);
    return (frame) => {
      const at = starts[frame - first];
      return new Uint8Array(buffer.slice(at + 4, at + 4 + view.getUint32(at, true)));
    };
  }

  async keep(first, end) {
    const finish = this.finish, packed = this.packed;
    const one = await (finish ? this.finished(first, Math.min(end, first + FINISHED)) : this.asTheyAre(first, end));
    if (finish) end = Math.min(end, first + FINISHED);
    for (let frame = first; frame < end; frame++) {
      if (packed.has(frame)) continue;
      packed.set(frame, one(frame));
      if (packed === this.packed) this.packedBytes += packed.get(frame).length;
    }
    if (packed !== this.packed) return;  // other touches were chosen meanwhile
    for (const [frame, one] of this.packed) {
      if (this.packedBytes <= KEPT_BYTES) break;
      if (frame >= first && frame < end) continue;
      this.packed.delete(frame);
      this.packedBytes -= one.length;
    }
  }

  unpack(raw) {
    const { width, height } = this, plane = Math.ceil(width * height / 8);
    const labels = new Uint8Array(plane * 8);
    let low = raw.length, high = -1;
    for (let k = 0; k * plane < raw.length; k++) {
      for (let n = 0, at = k * plane; n < plane; n++, at++) {
        const bits = raw[at];
        if (!bits) continue;
        if (n < low) low = n;
        if (n > high) high = n;
        for (let b = 0; b < 8; b++) if (bits & (128 >> b)) labels[8 * n + b] |= 1 << k;
      }
    }
    const top = high < 0 ? 0 : Math.floor(8 * low / width);
    return { labels, top, bottom: high < 0 ? 0 : Math.min(height, Math.floor((8 * high + 7) / width) + 1) };
  }
}
