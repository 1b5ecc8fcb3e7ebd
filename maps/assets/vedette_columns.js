/* Columns of numbers (maps/packed_columns.py) as typed arrays: a column is a Float64Array, or of bytes where it was narrow and whole. */
"use strict";
(function () {
  /* A long text as it was delivered, or from its block in the page, which may not be read yet: later ones stand behind the
     script that opens it. A block is let go once it was read. */
  async function blockText(held) {
    if (typeof held === "string") return held;
    const find = () => document.getElementById("vedette-" + held.block);
    if (document.readyState === "loading" && /^later/.test(held.block)) await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
    const node = find(), text = node.textContent;
    node.remove();
    return text;
  }

  async function bytesOf(held) {
    const text = await blockText(held);
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const coded = atob(text), bytes = new Uint8Array(coded.length);
    for (let i = 0; i < coded.length; i++) bytes[i] = coded.charCodeAt(i);
    return bytes;
  }

  async function inflate(held) {
    const stream = new Blob([await bytesOf(held)]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function kindOf(field) {
    const whole = field.step === 1 && !field.gaps && field.from === undefined && field.low >= 0;
    const most = field.low + Math.pow(256, field.width);
    return whole && most <= 256 ? Uint8Array : whole && most <= 65536 ? Uint16Array : Float64Array;
  }

  /* The codes of a column, from its planes of bytes: one pass for the widths there are most of. */
  function codes(bytes, at, n, width, out) {
    const low = bytes.subarray(at, at + n), middle = bytes.subarray(at + n, at + 2 * n), high = bytes.subarray(at + 2 * n, at + 3 * n);
    if (width === 1) out.set(low);
    else if (width === 2) for (let i = 0; i < n; i++) out[i] = low[i] | middle[i] << 8;
    else for (let i = 0; i < n; i++) out[i] = low[i] | middle[i] << 8 | high[i] << 16;
    for (let plane = 3, scale = 16777216; plane < width; plane++, scale *= 256) for (let i = 0, from = at + plane * n; i < n; i++) out[i] += bytes[from + i] * scale;
    return out;
  }

  function read(bytes, at, n, field) {
    const out = codes(bytes, at, n, field.width, new (kindOf(field))(n)), low = field.low - (field.gaps ? 1 : 0), step = field.step;
    if (field.from === undefined && step === 1 && !field.gaps && !low) return out;
    if (field.from === undefined && !field.gaps) { for (let i = 0; i < n; i++) out[i] = (out[i] + low) * step; return out; }
    let sum = field.from || 0;
    for (let i = 0; i < n; i++) {
      if (field.gaps && out[i] === 0) { out[i] = NaN; continue; }
      const value = out[i] + low;
      if (field.from === undefined) out[i] = value * step;
      else { sum += value; out[i] = sum * step; }
    }
    return out;
  }

  /* Resolves to an object of typed arrays by name, with `count`. */
  async function columns(packed) {
    const bytes = await inflate(packed.bytes), out = { count: packed.count };
    let at = 0;
    for (const field of packed.fields) {
      out[field.name] = read(bytes, at, packed.count, field);
      at += field.width * packed.count;
    }
    return out;
  }

  Object.assign(window.vedette, { columns: columns, blockText: blockText, bytesOf: bytesOf });
})();
