/** Hosted embeddings behind one interface. The public names of @uniem/providers. */

export { type Environment, readEnvironment } from './environment.ts';
export { ProviderError, type ProviderErrorKind } from './errors.ts';
export type { ClientOptions, HostedProvider } from './hosted-provider.ts';
export { type LocalEncoder, localProvider } from './local.ts';
export { type OpenProviderOptions, openProvider, PROVIDERS, type ProviderName } from './open.ts';
export { costOf, PRICES_DATE, type Price, priceOf, shownAmount } from './prices.ts';
export type {
  EmbeddedBatch,
  EmbeddingProvider,
  EmbeddingResult,
  EmbedOptions,
  InputType,
  Usage,
} from './provider.ts';
export { type CompatibleOptions, compatibleProvider, type OpenAIOptions, openaiProvider } from './services/openai.ts';
export { type QianfanOptions, qianfanProvider } from './services/qianfan.ts';
export { type SparkOptions, sparkProvider } from './services/spark.ts';
export { type ZhipuOptions, zhipuProvider } from './services/zhipu.ts';
