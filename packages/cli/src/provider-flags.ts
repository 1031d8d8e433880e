/** Flags of hosted providers, and the provider that they name. */

import { OptionError } from '@uniem/core/names';
import { type HostedProvider, openProvider, type ProviderName, readEnvironment } from '@uniem/providers';
import { z } from 'zod';

/** How a service is asked. */
export const requestFlags = {
  envFile: z.string().default('.env').describe('file with API keys, for variables that the environment does not set'),
  concurrency: z.int().positive().default(4).describe('simultaneous requests to a provider'),
  requestsPerSecond: z
    .number()
    .positive()
    .optional()
    .describe('maximum requests per second to a provider; spark defaults to 2'),
  tokensPerMinute: z
    .number()
    .positive()
    .optional()
    .describe('maximum tokens per minute to a provider, estimated before each request'),
  timeout: z.number().positive().default(60).describe('seconds after which a request to a provider times out'),
  maxRetries: z.int().nonnegative().default(5).describe('retries of a failed request that may still succeed'),
};

export type RequestFlags = z.output<z.ZodObject<typeof requestFlags>>;

export const baseUrlFlag = z
  .string()
  .optional()
  .describe('address of the service; required for compatible, for example http://localhost:11434/v1');

export const dimensionsFlag = z
  .int()
  .positive()
  .optional()
  .describe('embedding size, for hosted models that can shorten it');

/** A provider with keys from the environment and the .env file; notes go to stderr. */
export function openHosted(
  name: ProviderName,
  model: string,
  baseUrl: string | undefined,
  { envFile, timeout, ...options }: RequestFlags,
): HostedProvider {
  return openProvider(name, model, {
    ...options,
    baseUrl,
    timeout: timeout * 1000,
    environment: readEnvironment(envFile),
    onNote: (note) => process.stderr.write(`note: ${note}\n`),
  });
}

/** @throws OptionError for the first flag that was given without meaning. */
export function refuseFlags(flags: Readonly<Record<string, boolean>>, reason: string): void {
  const flag = Object.keys(flags).find((name) => flags[name]);
  if (flag) throw new OptionError(reason, flag, 'leave the flag out');
}
