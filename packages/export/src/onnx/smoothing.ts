/**
 * Scales that make the columns of a quantized product's input alike, so that a few large ones do not take all of its 8 bits:
 *
 *   x·W = (x / s)·(s·W)        s = √(largest |x| of the column), by columns of x and rows of W
 *
 * The largest values are not measured on texts but follow from the weights: a normalized column has the mean and the
 * deviation of its norm's bias and weight, what a Linear makes of them has sums of these, and an activation is looked at
 * from four deviations below to four above. Source of the idea: SmoothQuant, arXiv 2211.10438.
 */

import { type Constant, type Graph, type Node, type ReadParameter, readConstant, type Value } from '../graph.ts';

/** Deviations from the mean at which a column is looked at. */
const POINTS = [-4, -2, -1, 0, 1, 2, 4];

/** What columns of a value may be. */
interface Profile {
  /** The value whose deviations the samples are of: samples of the same root are of the same moments. */
  root: Value;
  /** At each of POINTS, a number a column. */
  samples: Float32Array[];
  /** Undefined behind an activation. */
  moments: { mean: Float32Array; deviation: Float32Array } | undefined;
}

/**
 * By weight [I, O] of a product, the scales of its I rows; none where too little is known of the input.
 *
 * Equal inputs have the same scales, not only equal ones: what they divide can be shared.
 */
export async function smoothingScales(graph: Graph, read: ReadParameter): Promise<Map<Value, Float32Array>> {
  const makers = new Map(graph.nodes.map((node) => [node.output, node]));
  const profiles = new Profiles(makers, new Set(graph.constants), read);
  const inputs = new Map<Value, Set<Value>>();
  for (const { operation, inputs: operands, precise } of graph.nodes) {
    const [x, weight] = operands as [Value, Value];
    if (operation !== 'MatMul' || precise || !profiles.isWeight(weight) || weight.shape.length !== 2) continue;
    inputs.set(weight, (inputs.get(weight) ?? new Set()).add(x)); // layers may share a weight
  }
  const scales = new Map<Value, Float32Array>();
  const shared = new Map<string, Float32Array>();
  for (const [weight, read] of inputs) {
    const key = [...read].map(({ name }) => name).join();
    const found = shared.get(key) ?? scalesOf(await Promise.all([...read].map((x) => profiles.of(x))));
    if (!found) continue;
    shared.set(key, found);
    scales.set(weight, found);
  }
  return scales;
}

/** √ of the largest, divided by their geometric mean. */
function scalesOf(profiles: readonly (Profile | undefined)[]): Float32Array | undefined {
  const samples = profiles.flatMap((profile) => profile?.samples ?? []);
  const [first] = samples;
  if (!first) return undefined;
  const largest = largestOf(samples);
  const most = largest.reduce((a, b) => Math.max(a, b), 0);
  if (!(most > 0 && Number.isFinite(most))) return undefined;
  const roots = largest.map((value) => Math.sqrt(Math.max(value, most / 1e4)));
  const mean = Math.exp(roots.reduce((sum, root) => sum + Math.log(root), 0) / roots.length);
  return roots.map((root) => root / mean);
}

function largestOf(samples: readonly Float32Array[]): Float32Array {
  return (samples[0] as Float32Array).map((_, c) =>
    Math.max(...samples.map((sample) => Math.abs(sample[c] as number))),
  );
}

class Profiles {
  readonly #makers: ReadonlyMap<Value, Node>;
  readonly #constants: ReadonlySet<Value>;
  readonly #read: ReadParameter;
  readonly #known = new Map<Value, Promise<Profile | undefined>>();

  constructor(makers: ReadonlyMap<Value, Node>, constants: ReadonlySet<Value>, read: ReadParameter) {
    this.#makers = makers;
    this.#constants = constants;
    this.#read = read;
  }

  isWeight(value: Value): value is Constant {
    return this.#constants.has(value) && 'parameter' in (value as Constant).source;
  }

  of(value: Value): Promise<Profile | undefined> {
    const found = this.#known.get(value) ?? this.#compute(value);
    this.#known.set(value, found);
    return found;
  }

  async #compute(value: Value): Promise<Profile | undefined> {
    const node = this.#makers.get(value);
    const width = value.shape.at(-1);
    if (!node || typeof width !== 'number') return undefined;
    const [first, second] = node.inputs as [Value, Value];
    switch (node.operation) {
      case 'LayerNormalization': {
        const [weight, bias] = await Promise.all([this.#vector(second), this.#vector(node.inputs[2])]);
        return weight && ofMoments(value, bias ?? new Float32Array(width), weight.map(Math.abs));
      }
      case 'MatMul':
        return this.#product(value, first, second);
      case 'Div':
        if (this.#isLength(second)) {
          return ofMoments(value, new Float32Array(width), new Float32Array(width).fill(1));
        }
        return this.#binary(value, first, second, (a, b) => a / b);
      case 'Add':
        return this.#binary(value, first, second, (a, b) => a + b);
      case 'Mul':
        return this.#binary(value, first, second, (a, b) => a * b);
      case 'Erf': // as near as it has to be
        return mapped(await this.of(first), (x) => Math.tanh(1.2 * x));
      case 'Tanh':
        return mapped(await this.of(first), Math.tanh);
      case 'Sigmoid':
        return mapped(await this.of(first), (x) => 1 / (1 + Math.exp(-x)));
      case 'Relu':
        return mapped(await this.of(first), (x) => Math.max(0, x));
      case 'Slice': {
        const { axis, start, end } = node.attributes;
        const profile = axis === value.shape.length - 1 ? await this.of(first) : undefined;
        if (!profile) return undefined;
        return { root: value, samples: profile.samples.map((s) => s.slice(start, end)), moments: undefined };
      }
      default:
        return undefined;
    }
  }

  /** A constant's values; undefined for any other value. */
  async #vector(value: Value | undefined): Promise<Float32Array | undefined> {
    if (!value || !this.#constants.has(value)) return undefined;
    return Float32Array.from(await readConstant(value as Constant, this.#read));
  }

  /** Whether a value is the root mean square that rows are divided by. */
  #isLength(value: Value): boolean {
    return this.#makers.get(value)?.operation === 'Sqrt' && value.shape.at(-1) === 1;
  }

  async #product(value: Value, x: Value, weight: Value): Promise<Profile | undefined> {
    const moments = this.isWeight(weight) && weight.shape.length === 2 ? (await this.of(x))?.moments : undefined;
    const matrix = moments && (await this.#vector(weight));
    if (!moments || !matrix) return undefined;
    const O = weight.shape[1] as number;
    const [mean, squares] = [new Float32Array(O), new Float32Array(O)];
    moments.mean.forEach((m, i) => {
      const d = moments.deviation[i] as number;
      for (let o = 0; o < O; o++) {
        const w = matrix[i * O + o] as number;
        mean[o] = (mean[o] as number) + w * m;
        squares[o] = (squares[o] as number) + (w * d) ** 2;
      }
    });
    return ofMoments(value, mean, squares.map(Math.sqrt));
  }

  /** Of two values, or one and a constant: a number, or one a column. */
  async #binary(
    value: Value,
    a: Value,
    b: Value,
    apply: (a: number, b: number) => number,
  ): Promise<Profile | undefined> {
    const [profile, constant] = [await this.of(a), await this.#vector(b)];
    if (!profile) return undefined;
    const width = (profile.samples[0] as Float32Array).length;
    if (constant) {
      if (constant.length !== 1 && constant.length !== width) return undefined;
      const at = (c: number) => constant[constant.length === 1 ? 0 : c] as number;
      const samples = profile.samples.map((sample) => sample.map((x, c) => apply(x, at(c))));
      const { moments } = profile;
      if (!moments) return { root: profile.root, samples, moments };
      const mean = moments.mean.map((x, c) => apply(x, at(c)));
      const above = moments.mean.map((x, c) => apply(x + (moments.deviation[c] as number), at(c)));
      const deviation = above.map((x, c) => Math.abs(x - (mean[c] as number)));
      return { root: profile.root, samples, moments: { mean, deviation } };
    }
    const other = await this.of(b);
    if (!other) return undefined;
    if (other.root === profile.root) {
      const samples = profile.samples.map((sample, k) => {
        return sample.map((x, c) => apply(x, other.samples[k]?.[c] as number));
      });
      return { root: profile.root, samples, moments: undefined };
    }
    const [most, otherMost] = [largestOf(profile.samples), largestOf(other.samples)];
    return { root: value, samples: [most.map((x, c) => apply(x, otherMost[c] as number))], moments: undefined };
  }
}

function ofMoments(root: Value, mean: Float32Array, deviation: Float32Array): Profile {
  const samples = POINTS.map((point) => mean.map((m, c) => m + point * (deviation[c] as number)));
  return { root, samples, moments: { mean, deviation } };
}

function mapped(profile: Profile | undefined, apply: (x: number) => number): Profile | undefined {
  if (!profile) return undefined;
  return { root: profile.root, samples: profile.samples.map((sample) => sample.map(apply)), moments: undefined };
}
