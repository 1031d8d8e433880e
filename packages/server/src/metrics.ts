/** Counters, gauges and histograms in Prometheus' text format. */

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string | number>>;

interface Metric {
  lines(): Iterable<string>;
}

/** Upper bounds of durations, in seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const escaped = (value: string) => value.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`));

function labelled(name: string, labels: Labels): string {
  const parts = Object.entries(labels).map(([key, value]) => `${key}="${escaped(String(value))}"`);
  return parts.length > 0 ? `${name}{${parts.join(',')}}` : name;
}

export class Counter implements Metric {
  readonly #name: string;
  readonly #values = new Map<string, number>();

  constructor(name: string) {
    this.#name = name;
  }

  /** @param labels Of few different values: each combination is kept. */
  add(amount: number, labels: Labels = {}): void {
    const key = labelled(this.#name, labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  *lines(): Iterable<string> {
    if (this.#values.size === 0) yield `${this.#name} 0`;
    for (const [key, value] of this.#values) yield `${key} ${value}`;
  }
}

/** A figure that is read when the metrics are. */
class Gauge implements Metric {
  readonly #name: string;
  readonly #read: () => number;

  constructor(name: string, read: () => number) {
    this.#name = name;
    this.#read = read;
  }

  *lines(): Iterable<string> {
    yield `${this.#name} ${this.#read()}`;
  }
}

export class Histogram implements Metric {
  readonly #name: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>();

  constructor(name: string, bounds: readonly number[]) {
    this.#name = name;
    this.#bounds = bounds;
  }

  observe(value: number, labels: Labels = {}): void {
    const key = labelled('', labels);
    let series = this.#series.get(key);
    if (!series) {
      series = { labels, counts: this.#bounds.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) series.counts[bucket] = (series.counts[bucket] as number) + 1;
    series.sum += value;
    series.count++;
  }

  *lines(): Iterable<string> {
    for (const { labels, counts, sum, count } of this.#series.values()) {
      let below = 0;
      for (const [i, bound] of this.#bounds.entries()) {
        below += counts[i] as number;
        yield `${labelled(`${this.#name}_bucket`, { ...labels, le: bound })} ${below}`;
      }
      yield `${labelled(`${this.#name}_bucket`, { ...labels, le: '+Inf' })} ${count}`;
      yield `${labelled(`${this.#name}_sum`, labels)} ${sum}`;
      yield `${labelled(`${this.#name}_count`, labels)} ${count}`;
    }
  }
}

/** Everything that one server counts. */
export class Metrics {
  readonly #all: { metric: Metric; head: string }[] = [];

  readonly requests = this.#counter('uniem_requests_total', 'Requests by route and status.');
  readonly requestSeconds = this.#histogram(
    'uniem_request_duration_seconds',
    'Time from arrival to response.',
    SECONDS,
  );
  readonly rejected = this.#counter('uniem_rejected_requests_total', 'Requests rejected at capacity.');
  readonly texts = this.#counter('uniem_texts_total', 'Texts embedded.');
  readonly truncated = this.#counter('uniem_truncated_texts_total', "Texts cut to the model's length.");
  readonly tokens = this.#counter('uniem_tokens_total', 'Tokens embedded.');
  readonly queueSeconds = this.#histogram('uniem_queue_duration_seconds', 'Time a text waits for its batch.', SECONDS);
  readonly batchSeconds = this.#histogram(
    'uniem_batch_duration_seconds',
    'Time the engine takes for a batch.',
    SECONDS,
  );
  readonly batchTexts = this.#histogram('uniem_batch_texts', 'Texts of a batch.', [1, 2, 4, 8, 16, 32, 64, 128, 256]);
  readonly batchTokens = this.#histogram(
    'uniem_batch_tokens',
    'Tokens of a batch.',
    [16, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384],
  );

  gauge(name: string, help: string, read: () => number): void {
    this.#add(new Gauge(name, read), name, help, 'gauge');
  }

  #counter(name: string, help: string): Counter {
    return this.#add(new Counter(name), name, help, 'counter');
  }

  #histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    return this.#add(new Histogram(name, bounds), name, help, 'histogram');
  }

  #add<M extends Metric>(metric: M, name: string, help: string, type: string): M {
    this.#all.push({ metric, head: `# HELP ${name} ${help}\n# TYPE ${name} ${type}` });
    return metric;
  }

  /** In Prometheus' text format. */
  text(): string {
    return this.#all.map(({ metric, head }) => `${[head, ...metric.lines()].join('\n')}\n`).join('');
  }
}
