use std::process::Command;
use std::time::Instant;

use keras_core::{Callback, Context, Entry, Logs, Result};

const NAME: &str = "ResourceMonitor";
/// What Linux counts processor time in, for programs.
const TICKS: f64 = 100.;

/// Adds to the logs of each epoch what the process used: `cpu_percent` (100 is one core), `memory_mb`,
/// `peak_memory_mb`, and on an NVIDIA GPU `gpu_percent` and `gpu_memory_mb` of that device.
///
/// What the system does not tell is left out: memory and processor are known on Linux, the GPU where `nvidia-smi` is.
///
/// # Examples
/// ```
/// use keras_callbacks::ResourceMonitor;
/// use keras_core::Fit;
/// let fit = Fit::new().callback(ResourceMonitor::new());
/// # drop(fit);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ResourceMonitor {
    /// When the epoch began, and the processor seconds then.
    begun: Option<(Instant, f64)>,
    gpu: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["resource_monitor"],
    doc: "Logs processor, memory and GPU of each epoch.",
    build: |config, _| {
        config.reader(NAME).finish()?;
        Ok(Box::new(ResourceMonitor::new()))
    },
};

impl ResourceMonitor {
    /// Looks at the end of each epoch.
    pub fn new() -> Self {
        Self::default()
    }

    fn begin(&mut self) {
        self.begun = processor_seconds().map(|seconds| (Instant::now(), seconds));
    }
}

/// The processor time of this process.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

/// A line of the process's status in MB: `VmRSS`, `VmHWM`.
fn memory(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.)
}

/// Use in percent and memory in MB of GPU 0.
fn gpu() -> Option<(f64, f64)> {
    let query = [
        "--id=0",
        "--query-gpu=utilization.gpu,memory.used",
        "--format=csv,noheader,nounits",
    ];
    let output = Command::new("nvidia-smi").args(query).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (percent, megabytes) = text.trim().split_once(',')?;
    Some((percent.trim().parse().ok()?, megabytes.trim().parse().ok()?))
}

impl Callback for ResourceMonitor {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.gpu = cx.model.device().is_cuda() && gpu().is_some();
        let known = [
            ("cpu_percent", processor_seconds().is_some()),
            ("memory_mb", memory("VmRSS").is_some()),
            ("peak_memory_mb", memory("VmHWM").is_some()),
            ("gpu_percent", self.gpu),
            ("gpu_memory_mb", self.gpu),
        ];
        known
            .iter()
            .filter(|(_, known)| *known)
            .for_each(|(name, _)| cx.will_log(name));
        Ok(())
    }

    fn on_epoch_begin(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.begin();
        Ok(())
    }

    fn on_epoch_resume(&mut self, _: usize, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.begin();
        Ok(())
    }

    fn on_epoch_end(&mut self, _: usize, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if let (Some((begun, before)), Some(now)) = (self.begun, processor_seconds()) {
            let wall = begun.elapsed().as_secs_f64().max(1e-9);
            logs.set("cpu_percent", 100. * (now - before) / wall);
        }
        for (name, line) in [("memory_mb", "VmRSS"), ("peak_memory_mb", "VmHWM")] {
            if let Some(megabytes) = memory(line) {
                logs.set(name, megabytes);
            }
        }
        if let Some((percent, megabytes)) = gpu().filter(|_| self.gpu) {
            logs.set("gpu_percent", percent);
            logs.set("gpu_memory_mb", megabytes);
        }
        Ok(())
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }
}
