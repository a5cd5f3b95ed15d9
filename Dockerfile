# The product without the embedded model: answers come from GROQ_API_KEY or another provider.
# docker build -t budget-router . ; see docs/deployment.md

FROM python:3.11-slim AS packages
WORKDIR /build
COPY requirements.txt constraints.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.11-slim
# Time zones and everything else Python needs come from the packages; nothing is compiled here.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=budgetrouter.settings \
    ENV_FILE=/dev/null \
    BIND_HOST=0.0.0.0 \
    PORT=8000
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin router
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY budgetrouter budgetrouter
COPY router_app router_app
COPY templates templates
COPY static static
# Hashed and compressed once, here: containers start at once, and their code stays read-only. The
# secret signs nothing.
RUN SECRET_KEY=only-for-this-step python manage.py collectstatic --noinput --verbosity 0 \
    && install --directory --owner router --mode 700 var logs
USER router
VOLUME ["/app/var", "/app/logs"]
EXPOSE 8000
STOPSIGNAL SIGTERM
# The process answers; whether it should be sent requests is what a proxy asks at /ready.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-m", "budgetrouter.serving.health_check"]
CMD ["gunicorn", "-c", "python:budgetrouter.serving.gunicorn_conf"]
