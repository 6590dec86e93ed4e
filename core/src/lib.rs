//! Decides whether the containers of an Amazon ECS app can start on the processors they will get.
//!
//! A container starts only if three things agree: the platform its image was built for, the `cpuArchitecture` of its task
//! definition, and the processors of the capacity it lands on. This crate reads a CDK cloud assembly or a CloudFormation
//! template and says, for every container, whether they do. It uses no network, no clock, no environment, and prints nothing.

pub mod assembly;
pub mod build;
pub mod capacity;
pub mod check;
pub mod codebuild;
pub mod exec;
pub mod executable;
pub mod files;
pub mod image;
pub mod inspect;
pub mod lock;
pub mod platform;
pub mod report;
pub mod rules;
pub mod template;
pub mod workload;
