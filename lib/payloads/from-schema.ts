/**
 * The type of what a JSON Schema lets through, for the part of JSON Schema that people write by hand: `type` (one
 * or several), `properties`, `required`, `items`, `enum`, `const`, `anyOf`, `oneOf`, `allOf`. What it does not
 * understand (`$ref`, `not`, no `type`) is `unknown`, never wrong.
 */
export type FromSchema<Schema> = Schema extends { const: infer Value }
  ? Value
  : Schema extends { enum: readonly (infer Value)[] }
    ? Value
    : Schema extends { anyOf: readonly (infer Option)[] } | { oneOf: readonly (infer Option)[] }
      ? FromSchema<Option> & FromOwnType<Schema>
      : Schema extends { allOf: infer Parts extends readonly unknown[] }
        ? FromAll<Parts> & FromOwnType<Schema>
        : FromOwnType<Schema>;

type FromAll<Parts extends readonly unknown[]> = Parts extends readonly [infer First, ...infer Rest]
  ? FromSchema<First> & FromAll<Rest>
  : unknown;

type FromOwnType<Schema> = Schema extends { type: infer Type }
  ? Type extends readonly (infer Name)[]
    ? FromTypeName<Name, Schema>
    : FromTypeName<Type, Schema>
  : unknown;

/** Distributes over `Name`: several types are a union. */
type FromTypeName<Name, Schema> = Name extends 'object'
  ? FromObject<Schema>
  : Name extends 'array'
    ? FromArray<Schema>
    : Name extends keyof Scalars
      ? Scalars[Name]
      : unknown;

interface Scalars {
  string: string;
  number: number;
  integer: number;
  boolean: boolean;
  null: null;
}

type FromArray<Schema> = Schema extends { items: infer Items } ? Array<FromSchema<Items>> : unknown[];

/** Members that the schema does not name may be there, but reading one is most often a misspelling. */
type FromObject<Schema> = Flat<
  {
    -readonly [Name in keyof Properties<Schema> as Name extends Required<Schema> ? Name : never]: FromSchema<
      Properties<Schema>[Name]
    >;
  } & {
    -readonly [Name in keyof Properties<Schema> as Name extends Required<Schema> ? never : Name]?: FromSchema<
      Properties<Schema>[Name]
    >;
  } & { [Name in Exclude<Required<Schema>, keyof Properties<Schema>>]: unknown }
>;

type Properties<Schema> = Schema extends { properties: infer Named } ? Named : object;
type Required<Schema> = Schema extends { required: readonly (infer Name extends string)[] } ? Name : never;
/** One object in error messages rather than an intersection of three. */
type Flat<T> = { [Name in keyof T]: T[Name] };
