//! Neural network operations.

mod attention;
mod conv;
mod conv_args;
mod conv_depthwise;
mod conv_pool;
mod conv_run;
mod conv_transpose;
pub mod cross_entropy;
mod ctc;
mod dense;
mod dropout;
pub mod norm;
mod pool;
mod pool_adaptive;
mod pool_global;
pub mod rnn;
pub mod softmax;
mod unfold;
mod window;

pub use attention::{AttentionOptions, dot_product_attention};
pub use conv::{ConvOptions, conv1d, conv2d, conv3d};
pub use conv_args::{ConvArgs, conv, conv_transpose, depthwise_conv, separable_conv};
pub use conv_depthwise::{
    depthwise_conv1d, depthwise_conv2d, depthwise_conv3d, separable_conv1d, separable_conv2d,
};
pub use conv_pool::conv_max_pool;
pub use conv_transpose::{ConvTransposeOptions, conv_transpose1d, conv_transpose2d, conv_transpose3d};
pub use ctc::{CtcSearch, ctc_decode, ctc_loss};
pub use dense::dense;
pub use dropout::dropout;
pub use norm::{
    BatchNormalized, batch_norm_training, batch_normalization, group_normalization, layer_normalization,
    moments, normalize, rms_normalization, unit_normalization,
};
pub use pool::{
    PoolArgs, PoolOptions, average_pool, average_pool1d, average_pool2d, average_pool3d, max_pool,
    max_pool1d, max_pool2d, max_pool3d,
};
pub use pool_adaptive::{adaptive_average_pool, adaptive_max_pool};
pub use pool_global::{global_average_pool, global_max_pool};
pub use unfold::{BlockOptions, fold, unfold};
pub use window::{Padding, Sizes};
