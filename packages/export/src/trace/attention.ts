/**
 * Attention over a padded batch, and what relative positions add to its scores, in plain operations.
 * A heads of D values, KV of them for keys and values; i is a query's place, j a key's.
 */

import { fixed, type GraphBuilder } from '../builder.ts';
import type { Value } from '../graph.ts';
import type { TracingKernel } from './plain.ts';
import type { Traced, Tracer } from './tracer.ts';

/** Added to the score of a key that is not seen: exp of it is 0 in float32 and, other than a larger one, it fits float16. */
const MASKED = -10_000;

interface Heads {
  q: Value;
  k: Value;
  v: Value;
}

interface AttentionShape {
  heads: number;
  kvHeads: number;
  scale: number;
  causal: boolean;
  window: number;
}

/** softmax(scale·q·kᵀ + bias + mask)·v per head: float32 [batch, sequence, A·D]. */
function attend(tracer: Tracer, { q, k, v }: Heads, shape: AttentionShape, bias: Value | undefined): Value {
  const { builder } = tracer;
  const { heads, kvHeads, scale } = shape;
  return builder.within(undefined, [q, k, v], () => {
    const queries = splitHeads(builder, q, heads, heads, [0, 2, 1, 3]); // [batch, A, sequence, D]
    const keys = splitHeads(builder, k, kvHeads, heads, [0, 2, 3, 1]); // [batch, A, D, sequence]
    const values = splitHeads(builder, v, kvHeads, heads, [0, 2, 1, 3]);
    let scores = builder.node('MatMul', [queries, keys], {}); // [batch, A, sequence, sequence]
    if (scale !== 1) scores = builder.node('Div', [scores, builder.scalar(1 / scale)], {});
    if (bias) scores = builder.node('Add', [scores, bias], {});
    scores = builder.node('Add', [scores, maskBias(tracer, shape)], {});
    const weights = builder.node('Softmax', [scores], {});
    const context = builder.node('MatMul', [weights, values], {}); // [batch, A, sequence, D]
    const together = builder.node('Transpose', [context], { permutation: [0, 2, 1, 3] });
    const width = heads * fixed(context.shape[3]);
    return builder.node('Reshape', [together], { shape: ['batch', 'sequence', width] });
  });
}

/** [batch, sequence, own·D] to own heads, or to `heads` that share them evenly, with the axes permuted. */
function splitHeads(b: GraphBuilder, x: Value, own: number, heads: number, permutation: number[]): Value {
  const D = fixed(x.shape[2]) / own;
  let split = b.node('Reshape', [x], { shape: ['batch', 'sequence', own, D] });
  if (own !== heads) {
    const shared = Int32Array.from({ length: heads }, (_, head) => Math.floor((head * own) / heads));
    split = b.node('Gather', [split, b.constant(shared, [heads])], { axis: 2 });
  }
  return b.node('Transpose', [split], { permutation });
}

/** 0 at keys that are seen, MASKED at others: float32 [batch, 1, 1 or sequence, sequence]. */
function maskBias(tracer: Tracer, { causal, window }: AttentionShape): Value {
  const { builder } = tracer;
  return builder.within('attention_mask', [], () =>
    builder.precisely(() => {
      let seen = builder.node('Unsqueeze', [tracer.mask()], { axes: [1, 2] }); // [batch, 1, 1, sequence]
      const restrict = (allowed: Value) => {
        seen = builder.node('Mul', [seen, builder.node('Cast', [allowed], { to: 'float32' })], {});
      };
      const distance = () => distances(tracer); // j − i
      if (causal) restrict(builder.node('LessEqual', [distance(), builder.scalar(0, 'int32')], {}));
      if (window > 0) {
        const far = builder.node('Abs', [distance()], {});
        restrict(builder.node('Less', [far, builder.scalar(window, 'int32')], {}));
      }
      const unseen = builder.node('Sub', [builder.scalar(1), seen], {});
      return builder.node('Mul', [unseen, builder.scalar(MASKED)], {});
    }),
  );
}

/** j − i: int32 [sequence, sequence]. Of tokens alone this is the distance in the text, wherever padding is. */
function distances({ builder, inputIds }: Tracer): Value {
  return builder.within('distances', [], () => {
    const places = builder.node('Range', [inputIds], {});
    const keys = builder.node('Unsqueeze', [places], { axes: [0] });
    return builder.node('Sub', [keys, builder.node('Unsqueeze', [places], { axes: [1] })], {});
  });
}

/** Rows for distances of −reach … : int32, clipped to those there are. */
function rowsAt(builder: GraphBuilder, distance: Value, reach: number, count: number): Value {
  const least = builder.node('Maximum', [distance, builder.scalar(-reach, 'int32')], {});
  const most = builder.node('Minimum', [least, builder.scalar(count - 1 - reach, 'int32')], {});
  return builder.node('Add', [most, builder.scalar(reach, 'int32')], {});
}

const heads = (tracer: Tracer, inputs: Parameters<TracingKernel>[0]['inputs']) => {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => tracer.traced(inputs[name] as never)) as [Traced, Traced, Traced];
  return { parts: { q: q.value, k: k.value, v: v.value }, shape: q.shape };
};

export const ATTENTION_KERNELS: Record<string, TracingKernel> = {
  Attention: ({ tracer, inputs, attributes }) => {
    const { parts, shape } = heads(tracer, inputs);
    const bias = inputs.bias && tracer.traced(inputs.bias).value;
    const out = { value: attend(tracer, parts, attributes as unknown as AttentionShape, bias), shape };
    return [out, out]; // the second is for backward
  },

  /** bias[a,i,j] = slope(a)·(j − i): [A, sequence, sequence] */
  Alibi: ({ tracer, attributes }) => {
    const { builder } = tracer;
    const slopes = Float32Array.from(attributes.slopes as number[]);
    const value = builder.within('alibi', [], () => {
      const far = builder.node('Cast', [distances(tracer)], { to: 'float32' });
      return builder.node('Mul', [builder.constant(slopes, [slopes.length, 1, 1]), far], {});
    });
    return { value, shape: [slopes.length, 1, 1] };
  },

  /** bias[a,i,j] = table[row(j − i), a]: [A, sequence, sequence] */
  RelativeBias: ({ tracer, inputs, attributes }) => {
    const { builder } = tracer;
    const table = tracer.traced(inputs.table as never);
    const rows = attributes.rows as Int32Array;
    const reach = (rows.length - 1) / 2;
    const name = tracer.parameterName(inputs.table);
    const value = builder.within(name?.replace(/\.weight$/, ''), [table.value], () => {
      const byDistance = builder.node('Gather', [table.value, builder.constant(rows, [rows.length])], { axis: 0 });
      const at = rowsAt(builder, distances(tracer), reach, rows.length);
      const found = builder.node('Gather', [byDistance, at], { axis: 0 }); // [sequence, sequence, A]
      return builder.node('Transpose', [found], { permutation: [2, 0, 1] });
    });
    return { value, shape: [table.shape[1] as number, 1, 1] };
  },

  /** bias[b,a,i,j] = scale·(q[b,i]·keys[row(i − j)] + k[b,j]·queries[row(i − j)]) */
  DisentangledAttention: ({ tracer, inputs, attributes }) => {
    const { builder } = tracer;
    const { parts, shape } = heads(tracer, inputs);
    const { rows, heads: A, scale } = attributes as { rows: Int32Array; heads: number; scale: number };
    const [keys, queries] = [inputs.keys, inputs.queries].map((table) => table && tracer.traced(table).value);
    const bias = builder.within(undefined, [parts.q, parts.k, parts.v], () => {
      const byKey = keys && disentangled(tracer, parts.q, keys, rows, A, 'falling');
      const rising = queries && disentangled(tracer, parts.k, queries, rows, A, 'rising'); // [batch, A, j, i]
      const byQuery = rising && builder.node('Transpose', [rising], { permutation: [0, 1, 3, 2] });
      const sum = byKey && byQuery ? builder.node('Add', [byKey, byQuery], {}) : ((byKey ?? byQuery) as Value);
      return builder.node('Mul', [sum, builder.scalar(scale)], {});
    });
    const plain = { heads: A, kvHeads: A, scale, causal: false, window: 0 };
    return { value: attend(tracer, parts, plain, bias), shape };
  },
};

/**
 * y[b,a,m,n] = x[b,m]·table[row(m − n or n − m)] of head a: [batch, A, sequence, sequence]
 *
 * Products are made with the rows of all distances that the batch has, then each one's row is read where its distance is.
 *
 * @param rows Of the distances −F … F − 1.
 */
function disentangled(
  tracer: Tracer,
  x: Value,
  table: Value,
  rows: Int32Array,
  A: number,
  order: 'falling' | 'rising',
): Value {
  const { builder, inputIds } = tracer;
  const D = fixed(table.shape[1]) / A;
  const one = builder.scalar(1, 'int32');
  const { read, at } = builder.within('distances', [], () => {
    const places = builder.node('Range', [inputIds], {}); // 0 … L − 1
    const last = builder.node('ReduceMax', [places], { axis: 0, keepDims: true }); // L − 1
    // Falling: L − 1 … 0, then −1 … −L. Rising: 1 − L … 0, then 1 … L.
    const near = builder.node('Sub', order === 'falling' ? [last, places] : [places, last], {});
    const far =
      order === 'falling'
        ? builder.node('Sub', [builder.scalar(-1, 'int32'), places], {})
        : builder.node('Add', [places, one], {});
    const all = builder.node('Concat', [near, far], { axis: 0 }); // [2·L]
    const reach = rows.length / 2;
    const found = builder.node(
      'Gather',
      [builder.constant(rows, [rows.length]), rowsAt(builder, all, reach, rows.length)],
      {
        axis: 0,
      },
    );
    // Row m of the products has the distance of key n in column n − m + L − 1.
    const own = builder.node('Unsqueeze', [places], { axes: [1] });
    const column = builder.node('Add', [distances(tracer), last], {});
    const width = builder.node('Mul', [builder.node('Add', [last, one], {}), builder.scalar(2, 'int32')], {});
    return { read: found, at: builder.node('Add', [builder.node('Mul', [own, width], {}), column], {}) };
  });
  const found = builder.node('Gather', [table, read], { axis: 0 }); // [2·L, A·D]
  const byHead = builder.node('Reshape', [found], { shape: [-1, A, D] });
  const columns = builder.node('Transpose', [byHead], { permutation: [1, 2, 0] }); // [A, D, 2·L]
  const split = splitHeads(builder, x, A, A, [0, 2, 1, 3]); // [batch, A, L, D]
  const products = builder.node('MatMul', [split, builder.node('Unsqueeze', [columns], { axes: [0] })], {});
  const flat = builder.node('Reshape', [products], { shape: ['batch', A, -1] });
  return builder.node('Gather', [flat, at], { axis: 2 });
}
