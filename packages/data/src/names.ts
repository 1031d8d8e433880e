/** What options are called, without any reader: for whoever reads options before there are data. */

/**
 * bge          `{query, pos: [texts], neg: [texts]}`, FlagEmbedding's: one record a positive, with all the negatives,
 *              of which there may be none; `pos_scores` and `neg_scores` become its scores
 * medi         `{query: [instruction, text], pos: […], neg: […], task_name}`: instruction, newline, text, as uniem's
 *              MediDataset
 * medi_plain   the same records without their instructions
 * instructor   the same records as INSTRUCTOR encodes them: nothing between instruction and text
 */
export const ADAPTERS = ['bge', 'medi', 'medi_plain', 'instructor'] as const;

export type Adapter = (typeof ADAPTERS)[number];

export const ON_BAD_RECORD = ['error', 'skip'] as const;

/** What becomes of a record that is no good: it is an error, or left out and counted. */
export type OnBadRecord = (typeof ON_BAD_RECORD)[number];

export { RECORD_TYPES, type RecordType } from './records/records.ts';
