//! Models to and from Keras's configuration.

use super::Functional;
use crate::Config;

pub(crate) fn graph_config(_functional: &Functional) -> Config {
    Config::new()
}
