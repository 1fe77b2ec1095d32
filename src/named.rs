//! Enums whose variants have names that callers of every language see.

/// An enum with a name for each variant: what [`as_str`](crate::error::Code::as_str) gives, and what goes to JavaScript.
macro_rules! named {
    ($(#[$meta:meta])* pub enum $Name:ident { $($(#[$doc:meta])* $Variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $Name { $($(#[$doc])* $Variant,)* }

        impl $Name {
            /// All of them.
            #[allow(dead_code, reason = "wanted of some")]
            pub(crate) const ALL: &[$Name] = &[$($Name::$Variant,)*];

            /// The name that callers of every language see.
            pub fn as_str(self) -> &'static str {
                match self { $($Name::$Variant => $name,)* }
            }
        }

        #[cfg(all(target_arch = "wasm32", feature = "js"))]
        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
