/** Records that nothing can be learned from, however long a run goes on: told before it begins. */

import { classOf, negativesOf, type RecordType, type Row } from '@uniem/data';

export interface Hopeless {
  what: string;
  fix: string;
  /** Whether the loss is the same whatever the model does. */
  isFlat: boolean;
  /** Whether the run is to be refused; else it is only said. */
  isRefused: boolean;
}

/** Looks at records that are valid, one after another. */
export class LearnableCheck {
  readonly #type: RecordType;
  #count = 0;
  /** Up to two different ones of each: more make no difference. */
  readonly #labels = new Set<number>();
  readonly #texts = new Set<string>();
  readonly #answers = new Set<string>();
  readonly #classes = new Map<string | undefined, number>();
  #hasNegatives = false;
  #sidesDiffer = false;

  constructor(type: RecordType) {
    this.#type = type;
  }

  get count(): number {
    return this.#count;
  }

  add(row: Row): void {
    this.#count += 1;
    if (this.#type === 'labeled_text') {
      const own = classOf(row.label);
      this.#classes.set(own, (this.#classes.get(own) ?? 0) + 1);
      return;
    }
    const isScored = this.#type === 'scored_pair';
    const [text, answer] = isScored ? [row.sentence1, row.sentence2] : [row.text, row.text_pos];
    if (text !== answer) this.#sidesDiffer = true;
    addUpTo2(this.#texts, text as string);
    addUpTo2(this.#answers, answer as string);
    if (isScored) addUpTo2(this.#labels, Number(row.label));
    else if (!this.#hasNegatives) this.#hasNegatives = negativesOf(row).length > 0;
  }

  /** What stands against learning from what was seen; undefined where nothing does. */
  problem(): Hopeless | undefined {
    if (this.#count === 0) return undefined;
    switch (this.#type) {
      case 'scored_pair':
        return this.#scoredPairs();
      case 'labeled_text':
        return this.#classTexts();
      case 'pair':
      case 'triplet':
        return this.#hasNegatives ? undefined : this.#pairs();
      default:
        return undefined;
    }
  }

  #scoredPairs(): Hopeless | undefined {
    if (this.#labels.size === 1) {
      const [label] = this.#labels;
      return {
        what: `every label is ${label}: CoSent learns from the order of labels, and there is none`,
        fix: 'give pairs of other labels too, or train these as pairs: rename sentence1 to text and sentence2 to text_pos',
        isFlat: true,
        isRefused: true,
      };
    }
    if (this.#sidesDiffer) return undefined;
    const fix = 'give two texts that differ';
    return { what: 'sentence1 and sentence2 are identical in every record', fix, isFlat: true, isRefused: true };
  }

  #pairs(): Hopeless | undefined {
    if (this.#count < 2) return undefined; // which has no batch, and is told so
    const told = { fix: 'give records of different texts', isRefused: false };
    if (this.#answers.size === 1) {
      return {
        what: 'every record has the same text_pos, so there are no in-batch negatives',
        isFlat: true,
        ...told,
      };
    }
    if (this.#texts.size === 1) {
      return {
        what: 'every record has the same text, so each positive is also a negative of that text',
        isFlat: false,
        ...told,
      };
    }
    if (this.#sidesDiffer) return undefined;
    return {
      what: 'text and text_pos are identical in every record: only dropout makes them differ (unsupervised SimCSE)',
      fix: 'give a text_pos that says the same in other words',
      isFlat: false,
      isRefused: false,
    };
  }

  #classTexts(): Hopeless | undefined {
    const counts = [...this.#classes.values()];
    if (counts.filter((count) => count > 1).length > 1) return undefined;
    const what =
      counts.length === 1
        ? `every text is of the class ${[...this.#classes.keys()][0]}`
        : `${counts.length} classes, and fewer than two of them have two texts`;
    return { what, fix: 'give at least two classes with two texts each', isFlat: true, isRefused: true };
  }
}

function addUpTo2<T>(set: Set<T>, value: T): void {
  if (set.size < 2) set.add(value);
}

/** Whether a batch of these records has the same loss whatever the model does. */
export function isHopelessBatch(records: readonly Row[], type: RecordType): boolean {
  const check = new LearnableCheck(type);
  for (const record of records) check.add(record);
  return check.problem()?.isFlat === true;
}
