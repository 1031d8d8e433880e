/** Fine-tune text-embedding models in Node: everything a user imports. */

export * from '@uniem/core';
export * from '@uniem/data';
export * from '@uniem/export';
export * from '@uniem/finetuner';
export * from '@uniem/providers';
