# docker build -t callbox .
# docker run -v callbox:/var/lib/callbox -v ./callbox.yaml:/etc/callbox/callbox.yaml:ro callbox

FROM python:3.13-slim AS build
COPY pyproject.toml README.md LICENSE /src/
COPY src /src/src
RUN python -m venv /opt/callbox && /opt/callbox/bin/pip install --no-cache-dir /src

FROM python:3.13-slim
COPY --from=build /opt/callbox /opt/callbox
RUN useradd --system --home-dir /var/lib/callbox --create-home callbox
ENV PATH=/opt/callbox/bin:$PATH \
    CALLBOX_STORE__URL=sqlite:///var/lib/callbox/callbox.sqlite3
USER callbox
WORKDIR /var/lib/callbox
VOLUME /var/lib/callbox
# The gateway answers on its control socket, or is stopped by the time limit.
HEALTHCHECK --interval=60s --timeout=10s --start-period=10s CMD ["callbox", "queue", "list", "--most", "1"]
CMD ["callbox", "run"]
