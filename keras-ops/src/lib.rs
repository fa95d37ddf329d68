//! Tensor operations of Keras in front of candle (`keras.ops` in Python, `op_*` in R).
#![doc = include_str!("../docs/names.md")]

pub mod activations;
mod axes;
pub mod control;
mod counting;
pub mod device;
pub mod dtype;
pub mod elementwise;
pub mod gradcheck;
pub mod host;
pub mod image;
pub mod indexing;
pub mod inplace;
pub mod kernels;
pub mod linalg;
pub mod losses;
pub mod matmul;
pub mod memory;
pub mod nn;
pub mod numpy;
pub mod optimizer_step;
pub mod pairwise;
pub mod pointwise;
pub mod random;
pub mod reduce;
pub mod row_gradient;
pub mod shape_ops;
pub mod signal;
pub mod tape;
pub mod vectorize;

pub use activations::*;
pub use axes::IntoAxes;
pub use candle_core::{self as candle, DType, Device, Error, Result, Shape, Tensor, TensorId, Var};
pub use control::*;
pub use counting::{all, any, argmax, argmin, count_nonzero};
pub use device::{DeviceExt, DeviceName, auto, device};
pub use dtype::{EPSILON, dtype_from_name, dtype_name, floatx, set_floatx};
pub use elementwise::*;
pub use indexing::*;
pub use kernels::fused::FusedActivation;
pub use linalg::*;
pub use matmul::matmul;
pub use nn::cross_entropy::{binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy};
pub use nn::dense;
pub use nn::rnn::{
    Direction, RecurrentActivation, RecurrentOptions, bidirectional_gru, bidirectional_lstm,
    bidirectional_simple_rnn, gru, lstm, simple_rnn,
};
pub use nn::softmax::{glu, log_softmax, softmax, sparsemax};
pub use nn::{
    AttentionOptions, BatchNormalized, batch_norm_training, batch_normalization, dot_product_attention,
    group_normalization, layer_normalization, moments, normalize, rms_normalization, unit_normalization,
};
pub use nn::{BlockOptions, CtcSearch, ctc_decode, ctc_loss, fold, unfold};
pub use nn::{
    ConvArgs, ConvOptions, ConvTransposeOptions, conv, conv_max_pool, conv_transpose, conv_transpose1d,
    conv_transpose2d, conv_transpose3d, conv1d, conv2d, conv3d, depthwise_conv, depthwise_conv1d,
    depthwise_conv2d, depthwise_conv3d, separable_conv, separable_conv1d, separable_conv2d,
};
pub use nn::{
    Padding, PoolArgs, PoolOptions, Sizes, adaptive_average_pool, adaptive_max_pool, average_pool,
    average_pool1d, average_pool2d, average_pool3d, global_average_pool, global_max_pool, max_pool,
    max_pool1d, max_pool2d, max_pool3d,
};
pub use numpy::*;
pub use pairwise::*;
pub use random::Seed;
pub use reduce::*;
pub use row_gradient::{Gradient, RowGradient};
pub use shape_ops::*;
pub use signal::*;
pub use tape::{
    GradientTape, Gradients, no_grad, record, record_many, record_rows, record_view, record_with_output,
    recording,
};
pub use vectorize::{Vectorize, vectorize};
