/** Names of the DOM library that packages use; the types of Node have these without a name. */
type HeadersInit = NonNullable<ConstructorParameters<typeof Headers>[0]>;
type BodyInit = NonNullable<ConstructorParameters<typeof Response>[0]>;
