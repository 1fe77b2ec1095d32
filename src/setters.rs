//! Setters of options, which may get further fields: programs begin with the defaults, and set what they want otherwise.

/// A method for each field: `field: type`, or `field => type` where the field is an option of the type.
macro_rules! setters {
    ($of:ident { $($name:ident $(: $type:ty)? $(=> $some:ty)?,)* }) => {
        impl $of {
            $(setters!(@one $name $(: $type)? $(=> $some)?);)*
        }
    };
    (@one $name:ident => $some:ty) => {
        #[doc = concat!("Sets [`", stringify!($name), "`](#structfield.", stringify!($name), ").")]
        #[must_use]
        pub fn $name(mut self, $name: $some) -> Self {
            self.$name = Some($name);
            self
        }
    };
    (@one $name:ident: $type:ty) => {
        #[doc = concat!("Sets [`", stringify!($name), "`](#structfield.", stringify!($name), ").")]
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
    };
}
