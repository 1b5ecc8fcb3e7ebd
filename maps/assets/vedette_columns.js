/* Columns of numbers (maps/packed_columns.py) as typed arrays: a column is a Float64Array, or of bytes where it was narrow and whole. */
"use strict";
(function () {
  async function inflate(text) {
    let bytes;
    if (Uint8Array.fromBase64) bytes = Uint8Array.fromBase64(text);
    else {
      const coded = atob(text);
      bytes = new Uint8Array(coded.length);
      for (let i = 0; i < coded.length; i++) bytes[i] = coded.charCodeAt(i);
    }
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function kindOf(field) {
    const whole = field.step === 1 && !field.gaps && field.from === undefined && field.low >= 0;
    const most = field.low + Math.pow(256, field.width);
    return whole && most <= 256 ? Uint8Array : whole && most <= 65536 ? Uint16Array : Float64Array;
  }

  function read(bytes, at, n, field) {
    const out = new (kindOf(field))(n), low = field.low - (field.gaps ? 1 : 0);
    let scale = 1;
    for (let plane = 0; plane < field.width; plane++, scale *= 256) {
      const from = at + plane * n;
      for (let i = 0; i < n; i++) out[i] += bytes[from + i] * scale;
    }
    if (field.from === undefined && field.step === 1 && !field.gaps && !low) return out;
    let sum = field.from || 0;
    for (let i = 0; i < n; i++) {
      if (field.gaps && out[i] === 0) { out[i] = NaN; continue; }
      const value = out[i] + low;
      if (field.from === undefined) out[i] = value * field.step;
      else { sum += value; out[i] = sum * field.step; }
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

  Object.assign(window.vedette, { columns: columns });
})();
