import { type Table } from './options.js';

/** The JSON Schema of a command's configuration file, by which editors complete and check it. */
export function schemaOf(title: string, table: Table): object {
  const options = Object.entries(table).filter(([, option]) => !option.commandOnly);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    type: 'object',
    additionalProperties: false,
    allowComments: true,
    allowTrailingCommas: true,
    properties: {
      $schema: { type: 'string' },
      ...Object.fromEntries(options.map(([name, option]) => [
        name,
        { description: option.help, ...option.schema, ...(option.default !== undefined && { default: option.default }) },
      ])),
    },
  };
}
