/** MLflow's tracking server, over its REST API (2.0). */

import { existsSync, readFileSync } from 'node:fs';

import { OptionError, writeFileWhole } from '@uniem/core';

import type { RunStatus, Tracker } from './tracker.ts';

const MOST_PARAMETERS = 100; // of one log-batch
const LONGEST_VALUE = 6000; // characters of a parameter
const TIMEOUT = 10_000; // ms

/** MLflow's words. */
const STATUS: Record<RunStatus, string> = { finished: 'FINISHED', stopped: 'KILLED', failed: 'FAILED' };

export class MLflow implements Tracker {
  readonly #file: string;
  readonly #server: string;
  readonly #experiment: string;
  #run = '';

  /**
   * The server is MLFLOW_TRACKING_URI, the experiment MLFLOW_EXPERIMENT_NAME, 'uniem' where it is not set.
   *
   * @param file Remembers MLflow's id of the run, which a run that goes on takes up again.
   */
  constructor(
    file: string,
    { server = process.env.MLFLOW_TRACKING_URI, experiment = process.env.MLFLOW_EXPERIMENT_NAME } = {},
  ) {
    this.#file = file;
    if (!server || !/^https?:/.test(server)) {
      throw new OptionError(
        `MLFLOW_TRACKING_URI is ${server ? `'${server}'` : 'not set'}`,
        'logWith mlflow',
        'set it to the address of a tracking server, as http://127.0.0.1:5000',
      );
    }
    this.#server = server.replace(/\/+$/, '');
    this.#experiment = experiment || 'uniem';
  }

  async start(config: Readonly<Record<string, unknown>>, resumedFrom: number): Promise<void> {
    if (resumedFrom > 0 && existsSync(this.#file)) {
      const { run_id } = JSON.parse(readFileSync(this.#file, 'utf8')) as { run_id: string };
      await this.#post('runs/update', { run_id, status: 'RUNNING' });
      this.#run = run_id;
      return;
    }
    const experiment_id = await this.#experimentId();
    const { run } = (await this.#post('runs/create', { experiment_id, start_time: Date.now() })) as {
      run: { info: { run_id: string } };
    };
    this.#run = run.info.run_id;
    writeFileWhole(this.#file, `${JSON.stringify({ run_id: this.#run })}\n`);
    const params = Object.entries(config)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ({ key, value: parameterOf(value).slice(0, LONGEST_VALUE) }));
    for (let start = 0; start < params.length; start += MOST_PARAMETERS) {
      await this.#post('runs/log-batch', { run_id: this.#run, params: params.slice(start, start + MOST_PARAMETERS) });
    }
  }

  async log(metrics: Readonly<Record<string, number>>, step: number): Promise<void> {
    const timestamp = Date.now();
    const values = Object.entries(metrics).map(([name, value]) => ({ key: keyOf(name), value, timestamp, step }));
    await this.#post('runs/log-batch', { run_id: this.#run, metrics: values });
  }

  async end(status: RunStatus): Promise<void> {
    if (this.#run === '') return; // the run failed before it was told of
    await this.#post('runs/update', { run_id: this.#run, status: STATUS[status], end_time: Date.now() });
  }

  async #experimentId(): Promise<string> {
    const name = encodeURIComponent(this.#experiment);
    const response = await fetch(`${this.#url('experiments/get-by-name')}?experiment_name=${name}`, {
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (response.ok) {
      return ((await response.json()) as { experiment: { experiment_id: string } }).experiment.experiment_id;
    }
    const made = await this.#post('experiments/create', { name: this.#experiment });
    return (made as { experiment_id: string }).experiment_id;
  }

  async #post(path: string, body: object): Promise<unknown> {
    const response = await fetch(this.#url(path), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (response.ok) return response.json();
    throw new Error(`${this.#url(path)} answers ${response.status} ${(await response.text()).slice(0, 200)}`);
  }

  #url(path: string): string {
    return `${this.#server}/api/2.0/mlflow/${path}`;
  }
}

/** MLflow takes letters, digits, and _-. :/ in names. */
const keyOf = (name: string) => name.replaceAll('@', '_at_');

const parameterOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
