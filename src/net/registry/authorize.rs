//! Signing in without reading: for programs that send a registry's requests themselves, such as proxies.

use std::fmt;
use std::rc::Rc;

use super::auth::Auth;
use super::challenge::parse_challenges;
use super::credentials::CredentialSource;
use super::options::RegistryOptions;
use super::scheme::Home;
use crate::error::Result;
use crate::format::oci::Reference;
use crate::net::http::Client;
use crate::net::stats::Stats;
use crate::net::transport::Transport;

/// What to send, and for how long. `Debug` does not show it.
pub struct Authorization {
    /// The value of `Authorization`, for the registry only.
    pub header: String,
    /// When to ask again, in milliseconds since the Unix epoch; `None` where it does not end.
    pub renew_at_ms: Option<u64>,
    /// Why credentials that there may be were not used, and what allows it: for the message where this is refused.
    pub withheld: Option<String>,
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("renew_at_ms", &self.renew_at_ms).finish_non_exhaustive()
    }
}

/// Answers the `WWW-Authenticate` of a registry's 401, for pulling from the repository of `reference` (and more, as
/// the options say): with a token of the token service that it names, or by Basic. A challenge may be answered again later without another 401.
/// `used` is the `Authorization` that the registry has refused, if any.
///
/// # Errors
/// `UNAUTHORIZED` where nothing else than `used` is known, or the token service refuses; `NETWORK`.
pub async fn authorize(
    transport: Rc<dyn Transport>,
    reference: &Reference,
    credentials: Option<Rc<dyn CredentialSource>>,
    options: RegistryOptions,
    www_authenticate: &str,
    used: Option<&str>,
) -> Result<Authorization> {
    // On this machine either scheme will do for the rules.
    let home = Home::new(reference, options.plain_http, options.https_only)?;
    let auth = Auth::new(reference, home.base().clone(), credentials, &options);
    let client = Client { transport, limits: options.limits, stats: Stats::default() };
    let header = auth.challenged(&client, used, &parse_challenges(www_authenticate), false).await?;
    Ok(Authorization { header, renew_at_ms: auth.renew_at_ms(), withheld: auth.obstacle() })
}
