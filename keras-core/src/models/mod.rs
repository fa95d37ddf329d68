//! Models: graphs of layers, [`Sequential`] ones and functional ones, with everything to train them.

pub(crate) mod config;
mod from_config;
mod functional;
mod graph;
mod inbound;
mod model;
mod operation;
mod operators;
mod run;
mod sequential;
mod summary;
mod symbolic;
mod table;

pub use functional::Functional;
pub use model::Model;
pub use operation::Operation;
pub use sequential::Sequential;
pub use summary::Summary;
pub use symbolic::{Apply, IntoSymbolic, Symbolic, input};

pub(crate) use graph::Graph;
