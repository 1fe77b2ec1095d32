//! Image configs (OCI image spec, config.md).

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::descriptor::{digest, string_map};
use super::json::{Json, Node};
use super::{Digest, Platform};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// An image's config. Serialises with the names of the specification; fields that it does not know are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageConfig {
    /// CPU architecture.
    pub architecture: String,
    /// Operating system.
    pub os: String,
    /// Variant of the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Version of the operating system.
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Features that the operating system must have.
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    /// When it was made, RFC 3339, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// How to run it.
    pub config: RunConfig,
    /// Its layers.
    pub rootfs: RootFs,
    /// How the layers came to be, the lowest first.
    pub history: Vec<History>,
}

/// How a container of the image is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunConfig {
    /// User, or `user:group`, by name or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Ports, e.g. `80/tcp`, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_keys")]
    pub exposed_ports: Vec<String>,
    /// Environment, `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The command that is always run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Its arguments, or the command where there is no entry point.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Directories that hold data of their own, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_keys")]
    pub volumes: Vec<String>,
    /// Where the command starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that stops it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// The layers of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RootFs {
    /// Digests of the layers' uncompressed tars, the lowest first.
    pub diff_ids: Vec<Digest>,
}

/// One step of a build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// When, RFC 3339, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it made no layer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Parses a config.
    ///
    /// # Errors
    /// `CORRUPT_MANIFEST`, `LIMIT_EXCEEDED`, and `UNSUPPORTED` for `diff_ids` of another hash than SHA-256.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let json = Json::parse(bytes, "image config", limits)?;
        let node = json.root("image config");
        let platform = Platform::from_json(&node)?;
        let mut out = ImageConfig {
            architecture: platform.architecture,
            os: platform.os,
            variant: platform.variant,
            os_version: platform.os_version,
            os_features: platform.os_features,
            created: text(&node, "created")?,
            author: text(&node, "author")?,
            ..ImageConfig::default()
        };
        if let Some(config) = node.get("config")? {
            out.config = RunConfig::from_json(&config)?;
        }
        if let Some(rootfs) = node.get("rootfs")?
            && let Some(ids) = rootfs.get("diff_ids")?
        {
            let ids = ids.items()?;
            Limits::check("max_layers", ids.len() as u64, limits.max_layers)?;
            out.rootfs.diff_ids = ids.map(|id| digest(&id)).collect::<Result<_>>()?;
        }
        if let Some(history) = node.get("history")? {
            out.history = history.items()?.map(|h| History::from_json(&h)).collect::<Result<_>>()?;
        }
        Ok(out)
    }

    /// The platform that it states.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
        }
    }
}

impl RunConfig {
    fn from_json(node: &Node<'_>) -> Result<Self> {
        Ok(RunConfig {
            user: text(node, "User")?,
            exposed_ports: keys(node, "ExposedPorts")?,
            env: words(node, "Env")?,
            entrypoint: words(node, "Entrypoint")?,
            cmd: words(node, "Cmd")?,
            volumes: keys(node, "Volumes")?,
            working_dir: text(node, "WorkingDir")?,
            labels: node.get("Labels")?.map(|l| string_map(&l)).transpose()?.unwrap_or_default(),
            stop_signal: text(node, "StopSignal")?,
        })
    }
}

impl History {
    fn from_json(node: &Node<'_>) -> Result<Self> {
        if node.is_null() {
            // It still is a step.
            return Ok(History::default());
        }
        Ok(History {
            created: text(node, "created")?,
            author: text(node, "author")?,
            created_by: text(node, "created_by")?,
            comment: text(node, "comment")?,
            empty_layer: node.get("empty_layer")?.map(|e| e.bool()).transpose()?.unwrap_or_default(),
        })
    }
}

fn text(node: &Node<'_>, key: &'static str) -> Result<Option<String>> {
    Ok(node.get_str(key)?.map(str::to_owned))
}

/// Words of a command; a single string is one word, as Docker reads old images.
fn words(node: &Node<'_>, key: &'static str) -> Result<Vec<String>> {
    match node.get(key)? {
        None => Ok(Vec::new()),
        Some(word) if word.is_str() => Ok(vec![word.str()?.to_owned()]),
        Some(words) => words.strings(),
    }
}

/// A set written as an object of empty objects; sorted.
fn keys(node: &Node<'_>, key: &'static str) -> Result<Vec<String>> {
    let Some(set) = node.get(key)? else { return Ok(Vec::new()) };
    Ok::<_, Error>(set.fields()?.iter().map(|(k, _)| k.clone()).collect())
}

fn as_keys<S: Serializer>(set: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Empty {}
    serializer.collect_map(set.iter().map(|k| (k, Empty {})))
}

#[cfg(test)]
mod tests;
