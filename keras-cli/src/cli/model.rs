use std::path::PathBuf;

use clap::Args;

/// `keras summary`.
#[derive(Debug, Args)]
pub struct Summary {
    /// A saved model, a checkpoint, a model's JSON, or a run's directory
    pub file: PathBuf,
    /// List the layers of models within
    #[arg(long)]
    pub expand_nested: bool,
    /// Say which layers are trained
    #[arg(long)]
    pub show_trainable: bool,
    /// The width of the table
    #[arg(long, value_name = "COLUMNS")]
    pub width: Option<usize>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `keras inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A saved model, weights, a checkpoint or its folder, or a file of safetensors or NumPy
    pub file: PathBuf,
    /// Only this tensor
    #[arg(long, short, value_name = "NAME")]
    pub tensor: Vec<String>,
    /// Those that are no weights, too: of the optimizer, of metrics and callbacks
    #[arg(long)]
    pub all: bool,
    /// Do not read the values
    #[arg(long)]
    pub no_values: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `keras convert`.
#[derive(Debug, Args)]
pub struct Convert {
    /// A saved model, weights, a checkpoint or its folder, a model's JSON, or a file of safetensors or NumPy
    pub from: PathBuf,
    /// What to write: a model's `.json`, a model as `.keras`, weights as `.safetensors` or `.npz`
    pub to: PathBuf,
    /// The weights of the model to write, from any file that has them
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// The seed of new weights, for a model that has none
    #[arg(long)]
    pub seed: Option<u64>,
    /// Tensors that are no weights, too
    #[arg(long)]
    pub all: bool,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    /// Say what was written as JSON
    #[arg(long)]
    pub json: bool,
}
