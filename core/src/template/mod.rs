//! CloudFormation templates: their text, their parts, and what the intrinsic functions in them come to.
//!
//! Knows JSON, YAML and CloudFormation's functions, conditions and parameters. It does not know what any resource type means.
//! A value comes out as known, as one of several under named choices of the person who deploys, or as unknown with a reason.

pub mod document;
pub mod foreach;
pub mod json;
pub mod node;
pub mod resolve;

pub mod scenario;
pub mod value;
pub mod yaml;
