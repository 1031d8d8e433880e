/** What hosted embeddings cost, by pages as they were read on PRICES_DATE: the vendors' own but for ada-002. */

export const PRICES_DATE = '2026-11-25';

export interface Price {
  /** Of a million tokens. */
  amount: number;
  currency: 'USD' | 'CNY';
  source: string;
}

const OPENAI = 'https://developers.openai.com/api/docs/models';
const ZHIPU = 'https://docs.bigmodel.cn/cn/guide/models/embedding';

/** By provider and model. Those of Qianfan and Spark depend on the account's plan: they are not known here. */
const PRICES: Readonly<Record<string, Price>> = {
  'openai text-embedding-3-small': { amount: 0.02, currency: 'USD', source: `${OPENAI}/text-embedding-3-large` },
  'openai text-embedding-3-large': { amount: 0.13, currency: 'USD', source: `${OPENAI}/text-embedding-3-large` },
  'openai text-embedding-ada-002': {
    amount: 0.1,
    currency: 'USD',
    source: 'https://openrouter.ai/openai/text-embedding-ada-002',
  },
  'zhipu embedding-2': { amount: 0.5, currency: 'CNY', source: `${ZHIPU}/embedding-2` },
  'zhipu embedding-3': { amount: 0.5, currency: 'CNY', source: `${ZHIPU}/embedding-3` },
};

/** Undefined where it is not known. */
export function priceOf(provider: string, model: string): Price | undefined {
  return PRICES[`${provider} ${model.toLowerCase()}`];
}

const SIGNS = { USD: '$', CNY: '¥' };

/** As $0.02. */
export function shownAmount(amount: number, currency: Price['currency']): string {
  const digits = amount === 0 || amount >= 0.01 ? 2 : Math.min(8, 1 - Math.floor(Math.log10(amount)));
  return `${SIGNS[currency]}${amount.toFixed(digits)}`;
}

/** What tokens cost, in words, and by which price. */
export function costOf(provider: string, model: string, tokens: number | undefined): string {
  const price = priceOf(provider, model);
  if (!price) return `cost unknown (no price on record for ${provider} ${model})`;
  const rate = `${shownAmount(price.amount, price.currency)} per million tokens (${price.source}, read ${PRICES_DATE})`;
  if (tokens === undefined) return `cost unknown (the service does not report tokens); ${rate}`;
  return `${shownAmount((tokens * price.amount) / 1e6, price.currency)} at ${rate}`;
}
