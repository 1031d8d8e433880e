/** Saved models that other readers open. The public names of @uniem/export. */

export { type ExportedFile, type ExportReport, exportModel } from './export-model.ts';
export { EXPORT_FORMATS, type ExportFormat, type ExportOptions, exportOptions } from './options.ts';
