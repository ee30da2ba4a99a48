//! The language of `.net` files from the outside: what its users read, write and get wrong.

mod diagnostics;
mod guide;
mod robustness;
