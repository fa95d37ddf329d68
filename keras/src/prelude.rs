//! `use keras::prelude::*;`: what most programs need.
//!
//! Classes of the same name in several modules (`metrics::BinaryCrossentropy`, `metrics::Hinge`, …) are reached
//! through their module; so are regularizers, constraints and initializers.

pub use crate::callbacks::{
    BackupAndRestore, CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint,
    OrbaxCheckpoint, ReduceLROnPlateau, ResourceMonitor, SaveErrors, SaveFreq, SwapEMAWeights,
    TerminateOnNaN, Timer,
};
pub use crate::compile::CompileExt;
pub use crate::layers::{
    Activation, ActivityRegularization, AdaptiveAveragePooling1D, AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D, AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D, Add,
    AdditiveAttention, AlphaDropout, Attention, AugMix, AutoContrast, Average, AveragePooling1D,
    AveragePooling2D, AveragePooling3D, BatchNormalization, Bidirectional, CategoryEncoding, CenterCrop,
    Concatenate, ContrastLimitedAdaptiveHistogramEqualization, Conv1D, Conv1DTranspose, Conv2D,
    Conv2DTranspose, Conv3D, Conv3DTranspose, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, ConvLSTMCell, Cropping1D,
    Cropping2D, Cropping3D, CutMix, DataFormat, Dense, DepthwiseConv1D, DepthwiseConv2D, Discretization, Dot,
    Dropout, ELU, EinsumDense, Embedding, Equalization, Flatten, GRU, GRUCell, GaussianDropout,
    GaussianNoise, GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D,
    GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, GroupNormalization, GroupQueryAttention,
    GroupedQueryAttention, HashedCrossing, Hashing, Identity, InputLayer, IntegerLookup, LSTM, LSTMCell,
    Lambda, LayerNormalization, LeakyReLU, Masking, MaxNumBoundingBoxes, MaxPooling1D, MaxPooling2D,
    MaxPooling3D, Maximum, MelSpectrogram, MergeMode, Minimum, MixUp, MultiHeadAttention, Multiply,
    Normalization, OutputMode, PReLU, Padding, Permute, Pipeline, RMSNormalization, RNN, RandAugment,
    RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomCrop,
    RandomElasticTransform, RandomErasing, RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue,
    RandomInvert, RandomPerspective, RandomPosterization, RandomRotation, RandomSaturation, RandomSharpness,
    RandomShear, RandomTranslation, RandomZoom, ReLU, RepeatVector, Rescaling, Reshape, Resizing,
    ReversibleEmbedding, STFTSpectrogram, SeparableConv1D, SeparableConv2D, SimpleRNN, SimpleRNNCell,
    Softmax, Solarization, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, SpectralNormalization,
    StackedRNNCells, Standardize, StringLookup, Subtract, TextVectorization, TimeDistributed,
    UnitNormalization, UpSampling1D, UpSampling2D, UpSampling3D, Wrapper, ZeroPadding1D, ZeroPadding2D,
    ZeroPadding3D,
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
    Apply, Arguments, Callback, Compile, Context, DType, DTypePolicy, Device, DeviceExt, Evaluate, Fit,
    History, Layer, LayerRef, Logs, Loss, Metric, Model, Optimizer, Predict, Sequential, Shared, Symbolic,
    Tensor, Variable, input, load_model, loss_fn, output, set_dtype_policy, set_random_seed,
};
pub use crate::{constraints, data, datasets, initializers, layers, metrics, ops, regularizers};
