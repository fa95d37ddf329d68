//! Neural network operations.

mod conv;
pub mod cross_entropy;
mod dense;
mod dropout;
mod pool;
pub mod rnn;
pub mod softmax;
mod window;

pub use conv::{ConvOptions, conv1d, conv2d, conv3d};
pub use dense::dense;
pub use dropout::dropout;
pub use pool::{PoolOptions, max_pool1d, max_pool2d, max_pool3d};
pub use window::Padding;
