//! What a build will make: the Dockerfile of an image asset, read as BuildKit reads it, without building anything.
//!
//! [`dockerfile`] reads the instructions, [`words`] expands variables, [`stages`] says which platform each stage is for. A
//! Dockerfile is a program, and what its `RUN` lines do is not known; nothing here guesses it.

pub mod dockerfile;
pub mod stages;
pub mod words;
