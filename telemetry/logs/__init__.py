"""Flight logs and tables: DataFlash, ULog, tlog, DJI subtitles, Airdata, MISB tables."""
