/** Flags of hosted providers, and the provider that they name. */

import { OptionError } from '@uniem/core';
import { type HostedProvider, openProvider, type ProviderName, readEnvironment } from '@uniem/providers';
import { z } from 'zod';

/** How a service is asked. */
export const requestFlags = {
  envFile: z.string().default('.env').describe('file of keys, for what the environment does not set'),
  concurrency: z.int().positive().default(4).describe('requests to a provider at the same time'),
  requestsPerSecond: z.number().positive().optional().describe('requests to a provider at most; spark: 2 if left out'),
  tokensPerMinute: z
    .number()
    .positive()
    .optional()
    .describe('tokens to a provider at most, by a guess before each request'),
  timeout: z.number().positive().default(60).describe('seconds that a request to a provider may take'),
  maxRetries: z.int().nonnegative().default(5).describe('tries after the first one, where a further one may succeed'),
};

export type RequestFlags = z.output<z.ZodObject<typeof requestFlags>>;

export const baseUrlFlag = z
  .string()
  .optional()
  .describe("the service's address, required of compatible servers, as http://localhost:11434/v1");

export const dimensionsFlag = z
  .int()
  .positive()
  .optional()
  .describe('values of a vector, where the hosted model can shorten it');

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
