# Autoregressions of series with gaps by R's exact likelihood, for tests/reference/scripted/gaps.json.
#
#     Rscript tests/reference/gaps.R > tests/reference/scripted/gaps.json
#
# Base R only. Series come from R's own datasets; the values at `missing` (counted from 1) are removed. Each record: the
# differences d, coefficients, sigma2 and log-likelihood of arima(method = "ML") with a tight tolerance, twelve forecasts
# with standard errors, and KalmanSmooth of the missing values from the model's initial state.

series <- list(lakehuron = LakeHuron, lynx_log10 = log10(lynx), nile = Nile, ukgas_log = log(UKgas))
holes <- list(
  single = c(30),
  runs = c(12, 13, 14, 40, 55:61, 80),
  ends = c(1, 2, 50, 51, -1, -2, -3)
)
differences <- list(lakehuron = 0, lynx_log10 = 0, nile = c(0, 1), ukgas_log = c(0, 1))

number <- function(x) ifelse(is.finite(x), formatC(x, digits = 17, format = "g"), "null")
list_of <- function(x) paste0("[", paste(number(as.numeric(x)), collapse = ","), "]")

record <- function(x, d, p, missing) {
  fit <- arima(x, order = c(p, d, 0), method = "ML", optim.control = list(reltol = 1e-15, maxit = 5000))
  phi <- fit$coef[seq_len(p)]
  mean <- if (d == 0) fit$coef[["intercept"]] else 0
  start <- makeARIMA(phi, numeric(), if (d == 1) 1 else numeric())
  smooth <- KalmanSmooth(x - mean, start)
  # The value is the first state, and the last one of those that hold what is differenced away.
  z <- start$Z
  level <- drop(smooth$smooth %*% z) + mean
  variance <- apply(smooth$var, 1, function(v) drop(t(z) %*% v %*% z)) * fit$sigma2
  ahead <- predict(fit, n.ahead = 12)
  paste0(
    "{\"d\":", d, ",\"p\":", p, ",\"ar\":", list_of(phi), if (d == 0) paste0(",\"mean\":", number(mean)),
    ",\"sigma2\":", number(fit$sigma2), ",\"loglik\":", number(fit$loglik),
    ",\"nobs\":", fit$nobs, ",\"code\":", fit$code,
    ",\"forecast\":", list_of(ahead$pred), ",\"forecast_se\":", list_of(ahead$se),
    ",\"smooth\":", list_of(level[missing]), ",\"smooth_se\":", list_of(sqrt(variance[missing])), "}"
  )
}

entries <- c()
for (name in names(series)) {
  for (kind in names(holes)) {
    x <- as.numeric(series[[name]])
    missing <- holes[[kind]]
    missing <- sort(ifelse(missing < 0, length(x) + 1 + missing, missing))
    x[missing] <- NA
    records <- c()
    for (d in differences[[name]]) for (p in 1:3) records <- c(records, record(x, d, p, missing))
    entries <- c(entries, paste0(
      "{\"series\":\"", name, "\",\"holes\":\"", kind, "\",\"missing\":[", paste(missing, collapse = ","),
      "],\"records\":[\n  ", paste(records, collapse = ",\n  "), "]}"
    ))
  }
}
cat("{\"version\":\"", R.version.string, "\",\"entries\":[\n", paste(entries, collapse = ",\n"), "\n]}\n", sep = "")
