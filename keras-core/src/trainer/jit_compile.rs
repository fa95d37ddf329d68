use keras_ops::Device;

/// Whether training is compiled, as Keras's `jit_compile`.
///
/// There is no graph to compile here: kernels are compiled with the program, for several instruction sets of which
/// the processor's best runs, and on CUDA from source at their first use. So the setting changes no number and no
/// speed; it is shown by `summary`, and saved so that Keras trains a loaded model the way that was asked for.
///
/// | device | `Auto` is | `On` | `Off` |
/// |---|---|---|---|
/// | CPU | off | kernels as they were built | the same |
/// | CUDA | on | kernels compiled at their first use | the same |
/// | Metal | off | kernels as they were built | the same |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum JitCompile {
    /// As the device has it.
    #[default]
    Auto,
    /// Yes.
    On,
    /// No.
    Off,
}

impl JitCompile {
    /// Whether it is on for a model on `device`.
    pub fn resolve(self, device: &Device) -> bool {
        match self {
            Self::Auto => device.is_cuda(),
            Self::On => true,
            Self::Off => false,
        }
    }
}

impl From<bool> for JitCompile {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}
