//! Checkpoints: weights and optimizer state as safetensors with the configuration in the header.
