//! `model.compile(…)`.

use crate::{Compile, Model, Result};

/// Gives [`Model`] its `compile` with everything built in; part of the prelude.
pub trait CompileExt {
    /// Gives the model the optimizer, losses and metrics it is trained with.
    ///
    /// Names are looked up in [`registry()`](crate::registry()); a name that Keras knows means here what it
    /// means there.
    ///
    /// # Errors
    /// When a name or an output is unknown.
    ///
    /// # Examples
    /// ```
    /// use keras::prelude::*;
    /// let mut model = Sequential::new().input([4]).add(Dense::new(3).activation("softmax")).build()?;
    /// model.compile(Compile::new("adam").loss("sparse_categorical_crossentropy").metric("accuracy"))?;
    /// assert_eq!(model.metrics_names()?, ["loss", "accuracy"]);
    ///
    /// let error = model.compile(Compile::new("adma").loss("mse")).unwrap_err().to_string();
    /// assert!(error.starts_with("unknown optimizer `adma`. Did you mean `adam`?"), "{error}");
    /// # Ok::<(), keras::Error>(())
    /// ```
    fn compile(&mut self, compile: Compile) -> Result<()>;
}

impl CompileExt for Model {
    fn compile(&mut self, compile: Compile) -> Result<()> {
        self.compile_with(compile, crate::registry())
    }
}
