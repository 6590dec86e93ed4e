//! What a build will make: the Dockerfile and context of an image asset, read as BuildKit reads them, without building anything.
//!
//! [`dockerfile`] reads the instructions, [`words`] expands variables, [`stages`] says which platform each stage is for,
//! [`recipe`] what each does. [`context`] is the directory that is sent to the builder, [`ignore`] what is left out of it, and
//! [`tree`] the file system that comes out. A Dockerfile is a program, and what its `RUN` lines do is not known: [`run`] only
//! tells which of them cannot matter.

pub mod context;
pub mod dockerfile;
pub mod ignore;
pub mod natives;
pub mod recipe;
pub mod run;
pub mod stages;
pub mod start;
pub mod tree;
pub mod words;
