//! `use keras::prelude::*;`: what most programs need.
//!
//! Classes of the same name in several modules (`metrics::BinaryCrossentropy`, `metrics::Hinge`, …) are reached
//! through their module; so are regularizers, constraints and initializers.

pub use crate::callbacks::{
    CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau,
    TerminateOnNaN,
};
pub use crate::compile::CompileExt;
pub use crate::layers::{
    Activation, ActivityRegularization, Add, AdditiveAttention, AlphaDropout, Attention, Average,
    Bidirectional, Concatenate, Conv2D, Dense, Dot, Dropout, ELU, EinsumDense, Embedding, Flatten, GRU,
    GRUCell, GaussianDropout, GaussianNoise, GroupedQueryAttention, Identity, InputLayer, LSTM, LSTMCell,
    Lambda, LeakyReLU, Masking, MaxPooling2D, Maximum, MergeMode, Minimum, MultiHeadAttention, Multiply,
    PReLU, RNN, ReLU, Rescaling, ReversibleEmbedding, SimpleRNN, SimpleRNNCell, Softmax, SpatialDropout1D,
    SpatialDropout2D, SpatialDropout3D, StackedRNNCells, Subtract, TimeDistributed,
};
pub use crate::losses::{
    BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy, CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle, Contrastive, CosineSimilarity, Dice, Hinge,
    Huber, InfoNCE, KLDivergence, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, Quantile, SparseCategoricalCrossentropy, SquaredHinge,
    SupervisedContrastive, Triplet, Tversky,
};
pub use crate::metrics::{AUC, F1Score, Precision, Recall};
pub use crate::optimizers::schedules::{
    CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay,
    PolynomialDecay,
};
pub use crate::optimizers::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, LossScaleOptimizer, MultiOptimizer,
    Muon, Nadam, OptimizerMap, RMSprop, SGD, ScheduleFreeAdamW,
};
pub use crate::schedule_fn;
pub use crate::{
    Apply, Arguments, Callback, Compile, Context, DType, Device, DeviceExt, Evaluate, Fit, History, Layer,
    LayerRef, Logs, Loss, Metric, Model, Optimizer, Predict, Sequential, Shared, Tensor, Variable, input,
    load_model, loss_fn, output, set_random_seed,
};
pub use crate::{constraints, data, datasets, initializers, metrics, ops, regularizers};
