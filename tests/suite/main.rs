//! One integration binary, so that the crates are linked once.

mod bad_input;
mod cli;
mod data;
mod end_to_end;
mod many_images;
mod measure;
mod tidy;
