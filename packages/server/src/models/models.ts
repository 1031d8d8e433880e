/** The models of a server by their names, and the engine and queue that they share. */

import { OptionError } from '@uniem/core';

import { Batcher } from '../engine/batcher.ts';
import { Engine } from '../engine/engine.ts';
import { RequestError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { ResolvedServerOptions } from '../options.ts';
import { type Embedded, type EmbedOptions, ServedModel } from './served-model.ts';

export class Models {
  readonly all: readonly ServedModel[];
  readonly engine: Engine;
  readonly batcher: Batcher;
  readonly #metrics: Metrics;

  private constructor(all: readonly ServedModel[], engine: Engine, batcher: Batcher, metrics: Metrics) {
    this.all = all;
    this.engine = engine;
    this.batcher = batcher;
    this.#metrics = metrics;
  }

  /**
   * Opens, loads and warms every model.
   *
   * @throws OptionError for two of one name; ModelError, EngineError and HubError as core has them.
   */
  static async load(options: ResolvedServerOptions, metrics: Metrics): Promise<Models> {
    const all: ServedModel[] = [];
    for (const model of options.model) {
      const opened = await ServedModel.open(model);
      if (all.some(({ name }) => name === opened.name)) {
        throw new OptionError(
          `two models are named ${opened.name}`,
          '--model',
          `rename one of them: --model NAME=${model.replace(/^[^=/\\]+=/, '')}`,
        );
      }
      all.push(opened);
    }
    const { backend, precision } = options;
    const engine = await Engine.start({ folders: all.map(({ folder }) => folder), backend, precision });
    const encode: Engine['encode'] = (...batch) => engine.encode(...batch);
    return new Models(all, engine, new Batcher(encode, options.maxBatchTokens, metrics), metrics);
  }

  /** @throws RequestError for a name that no model has. */
  named(name: string): ServedModel {
    const model = this.all.find((model) => model.name === name);
    if (model) return model;
    const names = this.all.map((model) => model.name).join(', ');
    const message = `model '${name.slice(0, 100)}' not found: available models are ${names}`;
    throw new RequestError('not_found', message, { param: 'model', code: 'model_not_found' });
  }

  /** The model that a request of TEI's means. */
  chosen(name: string | undefined): ServedModel {
    return name === undefined ? (this.all[0] as ServedModel) : this.named(name);
  }

  embed(model: ServedModel, texts: readonly string[], options: EmbedOptions): Promise<Embedded> {
    const { batcher } = this;
    return model.embed(texts, options, { batcher, metrics: this.#metrics, model: this.all.indexOf(model) });
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}
