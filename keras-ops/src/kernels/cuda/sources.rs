//! What is compiled: one source a family of kernels, one an update rule.

use crate::optimizer_step;

/// The sources that are compiled, without the kernels of update rules.
pub(super) const FAMILIES: [Family; 4] = [CROSS_ENTROPY, DROPOUT, NORM, COLUMNS];

pub(super) const CROSS_ENTROPY: Family = Family {
    name: "keras_cross_entropy",
    text: concat!(include_str!("common.cu"), include_str!("cross_entropy.cu")),
};

pub(super) const DROPOUT: Family = Family {
    name: "keras_dropout",
    text: include_str!("dropout.cu"),
};

pub(super) const NORM: Family = Family {
    name: "keras_norm",
    text: concat!(include_str!("common.cu"), include_str!("norm.cu")),
};

pub(super) const COLUMNS: Family = Family {
    name: "keras_columns",
    text: concat!(include_str!("common.cu"), include_str!("columns.cu")),
};

/// Kernels that are compiled together.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// The text of one module of kernels.
#[derive(Clone, Debug)]
pub struct Source {
    /// What the module is called.
    pub name: String,
    /// CUDA C++, without headers.
    pub text: String,
}

/// An update rule of an element as a kernel.
#[derive(Clone, Copy, Debug)]
pub struct StepKernel {
    /// What the kernel is called.
    pub name: &'static str,
    /// The variable and its slots by their names in `body`, in the order they are given.
    pub written: &'static [&'static str],
    /// What does not depend on the element, likewise.
    pub factors: &'static [&'static str],
    /// Statements that write new values to the names of `written`, of which `g`, the gradient, is none.
    pub body: &'static str,
}

impl StepKernel {
    /// The kernel's source.
    pub fn source(&self) -> Source {
        let each = |f: &dyn Fn(&str) -> String| self.written.iter().map(|name| f(name)).collect::<Vec<_>>();
        let factors: String = self.factors.iter().map(|f| format!(", float {f}")).collect();
        let text = include_str!("step.cu")
            .replace("@name@", self.name)
            .replace("@pointers@", &each(&|name| format!("float *{name}s, ")).concat())
            .replace("@factors@", &factors)
            .replace(
                "@loads@",
                &each(&|name| format!("        float {name} = {name}s[i];")).join("\n"),
            )
            .replace("@body@", self.body)
            .replace(
                "@stores@",
                &each(&|name| format!("        {name}s[i] = {name};")).join("\n"),
            );
        Source {
            name: format!("keras_{}", self.name),
            text,
        }
    }
}

/// Every source that may be compiled.
///
/// ```
/// let sources = keras_ops::kernels::cuda::sources();
/// assert!(sources.iter().any(|s| s.text.contains("__global__ void adam_step(")));
/// ```
pub fn sources() -> Vec<Source> {
    let families = FAMILIES.iter().map(|family| Source {
        name: family.name.to_owned(),
        text: family.text.to_owned(),
    });
    families
        .chain(optimizer_step::step_kernels().map(|kernel| kernel.source()))
        .collect()
}
