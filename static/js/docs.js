// Starts the page at /docs: the schema from this server, calls to this server, nothing from elsewhere.
"use strict";

{
  const place = document.getElementById("api-docs");

  // Someone signed in calls with the session, which needs the CSRF token beside it.
  const withToken = (request) => {
    const own = new URL(request.url, location.href).origin === location.origin;
    if (own && place.dataset.csrfToken) {
      request.headers["X-CSRFToken"] = place.dataset.csrfToken;
    }
    return request;
  };

  window.SwaggerUIBundle({
    url: JSON.parse(document.getElementById("schema-url").textContent),
    domNode: place,
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: false, // its links lie inside buttons, which a screen reader cannot tell apart
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    syntaxHighlight: false, // its colours are inline styles that know no dark mode
    requestInterceptor: withToken,
  });
}
